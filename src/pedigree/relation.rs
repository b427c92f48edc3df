use super::Member;
use crate::cases::Sex;

/// How each member is related to the first one, the proband, in words.
#[must_use]
pub fn relations(members: &[Member]) -> Vec<&'static str> {
    let Some(proband) = members.first() else { return Vec::new() };
    let find = |id: &Option<String>| id.as_ref().and_then(|id| members.iter().find(|member| member.id == *id));
    let (father, mother) = (find(&proband.father), find(&proband.mother));
    let parents: Vec<&Member> = father.into_iter().chain(mother).collect();
    let is = |member: &Member, id: &Option<String>| id.as_deref() == Some(member.id.as_str());
    members
        .iter()
        .enumerate()
        .map(|(at, member)| {
            let word = |male, female, other| match member.sex {
                Sex::Male => male,
                Sex::Female => female,
                Sex::Unknown => other,
            };
            let is_parent_of = |other: &Member| is(member, &other.father) || is(member, &other.mother);
            if at == 0 {
                "proband"
            } else if is(member, &proband.father) {
                "father"
            } else if is(member, &proband.mother) {
                "mother"
            } else if is(proband, &member.father) || is(proband, &member.mother) {
                word("son", "daughter", "child")
            } else if shares_parent(member, proband) {
                let full = member.father == proband.father && member.mother == proband.mother;
                if full {
                    word("brother", "sister", "sibling")
                } else {
                    word("half-brother", "half-sister", "half-sibling")
                }
            } else if parents.iter().any(|parent| is_parent_of(parent)) {
                word("grandfather", "grandmother", "grandparent")
            } else if parents.iter().any(|parent| shares_parent(member, parent)) {
                word("uncle", "aunt", "parent's sibling")
            } else {
                "relative"
            }
        })
        .collect()
}

fn shares_parent(one: &Member, other: &Member) -> bool {
    let same = |a: &Option<String>, b: &Option<String>| a.is_some() && a == b;
    same(&one.father, &other.father) || same(&one.mother, &other.mother)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::Phenotype;

    pub(crate) fn member(id: &str, sex: Sex, father: Option<&str>, mother: Option<&str>) -> Member {
        Member {
            id: id.into(),
            name: id.into(),
            sex,
            phenotype: Phenotype::Unknown,
            father: father.map(Into::into),
            mother: mother.map(Into::into),
        }
    }

    #[test]
    fn a_family_is_named_from_its_proband() {
        use Sex::{Female, Male, Unknown};
        let family = [
            member("kid", Male, Some("dad"), Some("mum")),
            member("dad", Male, Some("grandpa"), None),
            member("mum", Female, None, None),
            member("sis", Female, Some("dad"), Some("mum")),
            member("half", Unknown, Some("dad"), None),
            member("grandpa", Male, None, None),
            member("aunt", Female, Some("grandpa"), None),
            member("child", Female, Some("kid"), None),
            member("other", Male, None, None),
        ];
        assert_eq!(
            relations(&family),
            ["proband", "father", "mother", "sister", "half-sibling", "grandfather", "aunt", "daughter", "relative"]
        );
        assert!(relations(&[]).is_empty());
    }
}
