use std::collections::{BTreeMap, HashMap};

use super::Member;
use crate::cases::{Phenotype, Sex};

/// Distance between symbols, and half a symbol's width, in user units.
const STEP: f64 = 90.0;
const ROW: f64 = 100.0;
const HALF: f64 = 16.0;

/// A drawn family, in user units of an SVG view box.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawing {
    /// Width of the view box.
    pub width: f64,
    /// Height of the view box.
    pub height: f64,
    /// Members with their places.
    pub people: Vec<Person>,
    /// Lines of couples and descent.
    pub lines: Vec<Line>,
}

/// A drawn member; symbols follow Bennett et al. 2008, the standard of the National Society of Genetic Counselors.
#[derive(Debug, Clone, PartialEq)]
pub struct Person {
    /// Shown below the symbol.
    pub name: String,
    /// Centre.
    pub x: f64,
    /// Centre.
    pub y: f64,
    /// Symbol.
    pub shape: Shape,
    /// Filled when affected, marked `?` when unknown.
    pub phenotype: Phenotype,
    /// Whether this is the proband, who gets an arrow.
    pub proband: bool,
}

/// Symbol of a sex.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Male.
    Square,
    /// Female.
    Circle,
    /// Unknown.
    Diamond,
}

/// A straight line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// From.
    pub x1: f64,
    /// From.
    pub y1: f64,
    /// To.
    pub x2: f64,
    /// To.
    pub y2: f64,
}

/// Draws a family; the first member is the proband. Generations are rows, parents above their children.
#[must_use]
pub fn draw(members: &[Member]) -> Drawing {
    let generations = generations(members);
    let mut rows: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, generation) in generations.iter().enumerate() {
        rows.entry(*generation).or_default().push(at);
    }
    let mut places: HashMap<usize, (f64, f64)> = HashMap::new();
    let widest = rows.values().map(Vec::len).max().unwrap_or(0);
    #[expect(clippy::cast_precision_loss, reason = "families are small")]
    for (generation, row) in &mut rows {
        couples_together(row, members);
        let indent = (widest - row.len()) as f64 * STEP / 2.0;
        for (column, at) in row.iter().enumerate() {
            places.insert(*at, (STEP / 2.0 + indent + column as f64 * STEP, 30.0 + *generation as f64 * ROW));
        }
    }
    let people = members
        .iter()
        .enumerate()
        .map(|(at, member)| Person {
            name: member.name.clone(),
            x: places[&at].0,
            y: places[&at].1,
            shape: match member.sex {
                Sex::Male => Shape::Square,
                Sex::Female => Shape::Circle,
                Sex::Unknown => Shape::Diamond,
            },
            phenotype: member.phenotype,
            proband: at == 0,
        })
        .collect();
    let height = places.values().map(|(_, y)| *y).fold(0.0, f64::max) + 60.0;
    #[expect(clippy::cast_precision_loss, reason = "families are small")]
    let width = widest.max(1) as f64 * STEP;
    Drawing { width, height, people, lines: lines(members, &places) }
}

/// The row of each member: founders as low as their partners, children below their parents.
///
/// A family that is its own ancestor cannot be drawn in rows; the rounds are bounded so that it ends all the same.
fn generations(members: &[Member]) -> Vec<usize> {
    let at = |id: &Option<String>| id.as_ref().and_then(|id| members.iter().position(|member| member.id == *id));
    let mut generation = vec![0; members.len()];
    for _ in 0..members.len() {
        for (child, member) in members.iter().enumerate() {
            let parents: Vec<usize> = [at(&member.father), at(&member.mother)].into_iter().flatten().collect();
            for parent in &parents {
                generation[child] = generation[child].max((generation[*parent] + 1).min(members.len()));
            }
            if let [father, mother] = parents[..] {
                let row = generation[father].max(generation[mother]);
                generation[father] = row;
                generation[mother] = row;
            }
        }
    }
    generation
}

/// Puts the father of a couple right before the mother.
fn couples_together(row: &mut Vec<usize>, members: &[Member]) {
    for child in members {
        let find = |id: &Option<String>| row.iter().position(|at| Some(&members[*at].id) == id.as_ref());
        if let (Some(father), Some(mother)) = (find(&child.father), find(&child.mother))
            && father.abs_diff(mother) != 1
        {
            let moved = row.remove(mother);
            let father = row.iter().position(|at| Some(&members[*at].id) == child.father.as_ref()).unwrap_or(0);
            row.insert(father + 1, moved);
        }
    }
}

fn lines(members: &[Member], places: &HashMap<usize, (f64, f64)>) -> Vec<Line> {
    let place = |id: &Option<String>| {
        let at = members.iter().position(|member| Some(&member.id) == id.as_ref())?;
        places.get(&at).copied()
    };
    let mut lines = Vec::new();
    for (at, child) in members.iter().enumerate() {
        let (x, y) = places[&at];
        let from = match (place(&child.father), place(&child.mother)) {
            (Some((father_x, father_y)), Some((mother_x, _))) => {
                let (left, right) = (father_x.min(mother_x), father_x.max(mother_x));
                let couple = Line { x1: left + HALF, y1: father_y, x2: right - HALF, y2: father_y };
                if !lines.contains(&couple) {
                    lines.push(couple);
                }
                (f64::midpoint(father_x, mother_x), father_y)
            }
            (Some((parent_x, parent_y)), None) | (None, Some((parent_x, parent_y))) => (parent_x, parent_y + HALF),
            (None, None) => continue,
        };
        let bend = y - ROW / 2.0 + 8.0;
        lines.push(Line { x1: from.0, y1: from.1, x2: from.0, y2: bend });
        lines.push(Line { x1: from.0, y1: bend, x2: x, y2: bend });
        lines.push(Line { x1: x, y1: bend, x2: x, y2: y - HALF });
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: &str, father: Option<&str>, mother: Option<&str>) -> Member {
        Member {
            id: id.into(),
            name: id.into(),
            sex: Sex::Unknown,
            phenotype: Phenotype::Affected,
            father: father.map(Into::into),
            mother: mother.map(Into::into),
        }
    }

    #[test]
    fn parents_are_above_and_beside_each_other() {
        let drawing = draw(&[
            member("kid", Some("dad"), Some("mum")),
            member("x", None, None),
            member("dad", None, None),
            member("mum", None, None),
        ]);
        let [kid, _, dad, mum] = &drawing.people[..] else { panic!("four people") };
        assert!(kid.proband && !dad.proband);
        assert!((dad.y - mum.y).abs() < f64::EPSILON && dad.y < kid.y);
        assert!((mum.x - dad.x - STEP).abs() < f64::EPSILON);
        assert_eq!(drawing.lines.len(), 4);
    }

    #[test]
    fn a_family_that_is_its_own_ancestor_does_not_hang() {
        let drawing = draw(&[member("a", Some("b"), None), member("b", Some("a"), None)]);
        assert_eq!(drawing.people.len(), 2);
        assert!(draw(&[]).people.is_empty());
    }
}
