//! The budget: at most five flags per 100 users a week, on months as they are, with misbehaviour planted among them.
//!
//! 100 people: 60 clinicians of six wards, 30 geneticists, 10 scripts' owners who look rarely. They work shifts, go on
//! holiday, have busy weeks, start new, walk between wards, work from home, follow links sent by mail, mistype names.

use super::*;

const PEOPLE: usize = 100;
const DAYS: i64 = 91;
/// The rules' memory is filled for two weeks before anything is counted, as after the first start on a trail.
const SETTLED: i64 = 14;
const BUDGET: f64 = 5.0;

/// A small generator of even numbers (Numerical Recipes' linear congruence), so that each run is the same.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    fn in_thousand(&mut self, chance: u64) -> bool {
        self.below(1_000) < chance
    }
}

struct Someone {
    name: String,
    role: &'static str,
    ward: u64,
    starts: i64,
    holiday: i64,
    busy: i64,
    night: bool,
    home: bool,
    load: u64,
    own_cases: Vec<String>,
}

fn people(dice: &mut Dice) -> Vec<Someone> {
    (0..PEOPLE)
        .map(|n| Someone {
            name: format!("p{n}"),
            role: match n {
                0..60 => "clinician",
                60..90 => "geneticist",
                _ => "clinician, admin",
            },
            ward: n as u64 % 6,
            starts: if n % 12 == 5 { 20 + i64::try_from(dice.below(50)).unwrap() } else { 0 },
            holiday: i64::try_from(dice.below(80)).unwrap(),
            busy: i64::try_from(dice.below(85)).unwrap(),
            night: n % 7 == 0,
            home: n % 9 == 0,
            load: match n {
                0..60 => 3 + dice.below(5),
                60..90 => 8 + dice.below(12),
                _ => 1,
            },
            own_cases: Vec::new(),
        })
        .collect()
}

/// One request.
fn step(someone: &Someone, at: i64, session: &str, address: &str, action: &str) -> Fact {
    let user = someone.name.clone();
    Fact {
        entry: format!("{user}-{at}-{action}"),
        at: Timestamp::from_second(1_767_225_600 + at).unwrap(),
        who: user.clone(),
        name: user.clone(),
        user: Some(user),
        role: someone.role.into(),
        session: Some(session.into()),
        address: Some(address.into()),
        action: action.into(),
        ..super::tests::fact(0, action)
    }
}

fn opened(fact: Fact, case: &str) -> Fact {
    Fact { case: Some((case.into(), case.into())), rows: 50, ..fact }
}

/// All requests of the three months, in order; new cases arrive every day.
fn months(seed: u64) -> Vec<Fact> {
    let mut dice = Dice(seed);
    let mut people = people(&mut dice);
    let mut facts = Vec::new();
    let mut active: Vec<(String, i64)> = Vec::new();
    let mut number = 0;
    for day in 0..DAYS {
        active.extend((0..12).map(|n| (format!("c{}", number + n), day)));
        number += 12;
        active.retain(|(_, since)| day - since < 40);
        let worked: Vec<String> = people.iter().flat_map(|one| one.own_cases.iter().rev().take(3).cloned()).collect();
        for someone in &mut people {
            let weekend = day % 7 >= 5;
            let away = (someone.holiday..someone.holiday + 12).contains(&day) || day < someone.starts;
            if away || (weekend && !dice.in_thousand(if someone.night { 400 } else { 60 })) || dice.in_thousand(80) {
                continue;
            }
            let busy = (someone.busy..someone.busy + 7).contains(&day);
            let hour = if someone.night && day % 3 == 0 { 20 } else { 7 };
            let mut at = day * 86_400 + hour * 3_600 + i64::try_from(dice.below(5_400)).unwrap();
            let away_ward = dice.in_thousand(120);
            let ward = if away_ward { dice.below(6) } else { someone.ward };
            let machine = 10 + dice.below(20);
            let address = if someone.home && day % 7 == 2 {
                // A home line that gets a new address every few weeks.
                format!("198.51.{}.{}", someone.own_cases.len() % 3 + usize::try_from(day / 30).unwrap(), someone.load)
            } else {
                format!("10.0.{ward}.{machine}")
            };
            let session = format!("{}-{day}", someone.name);
            let at_most = someone.load * if busy { 2 } else { 1 } + dice.below(4);
            let mut since_list = i64::MAX;
            for nth in 0..at_most {
                // Many days begin with the mail.
                if dice.in_thousand(if nth == 0 { 200 } else { 35 }) {
                    // A link sent by mail, nearly always to what colleagues work on now; sometimes to an old case.
                    let case = if dice.in_thousand(50) || worked.is_empty() {
                        format!("c{}", dice.below(u64::try_from(number).unwrap()))
                    } else {
                        worked[usize::try_from(dice.below(worked.len() as u64)).unwrap()].clone()
                    };
                    facts.push(opened(step(someone, at, &session, &address, "GET /{institute}/{case}"), &case));
                } else {
                    let returns = !someone.own_cases.is_empty() && dice.in_thousand(450);
                    if !returns && since_list > 5_000 {
                        facts.push(step(someone, at, &session, &address, "GET /{institute}"));
                        since_list = 0;
                    }
                    at += 20;
                    let case = if returns {
                        let last = someone.own_cases.len().saturating_sub(15);
                        let among = u64::try_from(someone.own_cases.len() - last).unwrap();
                        someone.own_cases[last + usize::try_from(dice.below(among)).unwrap()].clone()
                    } else {
                        active[usize::try_from(dice.below(active.len() as u64)).unwrap()].0.clone()
                    };
                    facts.push(opened(step(someone, at, &session, &address, "GET /{institute}/{case}"), &case));
                    for _ in 0..dice.below(6) {
                        at += 60;
                        let list = step(someone, at, &session, &address, "GET /{institute}/{case}/variants");
                        facts.push(opened(list, &case));
                    }
                    if someone.role == "geneticist" && dice.in_thousand(60) {
                        let export = step(someone, at + 5, &session, &address, "GET /{institute}/{case}/variants.csv");
                        facts.push(Fact { rows: 300 + dice.below(2_500), exported: true, ..opened(export, &case) });
                    }
                    someone.own_cases.push(case);
                }
                if dice.in_thousand(25) {
                    let wrong = step(someone, at + 1, &session, &address, "GET /{institute}/{case}");
                    let what = format!("case typo{}", dice.below(1_000));
                    facts.push(Fact { refused: Some(what), success: false, status: 404, ..wrong });
                }
                let pause = 300 + i64::try_from(dice.below(1_500)).unwrap();
                at += pause;
                since_list = since_list.saturating_add(pause);
            }
        }
    }
    facts.sort_by_key(|fact| fact.at);
    facts
}

/// One misdeed of each kind, on the 60th day.
fn planted() -> Vec<(Rule, Vec<Fact>)> {
    let at = 60 * 86_400 + 13 * 3_600;
    let villain = |number: usize| people(&mut Dice(1)).remove(number);
    let go = |number: usize, second: i64, action: &str| {
        step(&villain(number), at + second, "planted", &format!("10.0.{}.44", number % 6), action)
    };
    let case = "GET /{institute}/{case}";
    let refused =
        |n: i64| Fact { refused: Some(format!("case F{n}")), success: false, status: 404, ..go(3, n * 7, case) };
    let command = |n: i64, what: &str| Fact { command: true, account: Some("p9".into()), ..go(4, n * 86_400, what) };
    let outside = |second, exported| Fact {
        address: Some("203.0.113.50".into()),
        exported,
        ..go(63, second, "GET /{institute}")
    };
    let wrong = |n: i64| Fact { success: n == 4, ..go(6, n * 20, "POST /login/code") };
    let mut many = vec![go(1, 0, "GET /{institute}")];
    many.extend((0..120).map(|n| opened(go(1, 30 + n * 20, case), &format!("c{n}"))));
    vec![
        (Rule::NoRelation, vec![opened(go(2, 0, case), "a case of long ago")]),
        (Rule::Volume, many),
        (Rule::NewAddress, vec![outside(0, false), outside(400, true)]),
        (Rule::Refusals, (0..12).map(refused).collect()),
        (Rule::BreakGlass, vec![opened(go(5, 0, "POST /break-glass"), "c9")]),
        (Rule::EnabledAgain, vec![command(0, "user disable"), command(9, "user enable")]),
        (Rule::ClockBack, vec![Fact { back_ms: Some(3_600_000), ..go(8, 0, "GET /{institute}") }]),
        (Rule::SignIn, (0..5).map(wrong).collect()),
        (Rule::FactorReset, vec![command(3, "user reset-totp --confirm")]),
        (Rule::RightsChanged, vec![Fact { rights: vec!["gave the role own:admin".into()], ..command(4, "user add") }]),
    ]
}

fn flagged(facts: &[Fact]) -> BTreeMap<(Rule, String), Finding> {
    let mut memory = Memory::default();
    let found = facts.iter().flat_map(|fact| memory.take(fact, Settings::default()));
    found.map(|one| ((one.rule, one.cause.clone()), one)).collect()
}

#[test]
fn the_rules_stay_within_their_budget_and_miss_nothing_planted() {
    for seed in [1, 2] {
        let honest = months(seed);
        let from = Timestamp::from_second(1_767_225_600 + SETTLED * 86_400).unwrap();
        let found: Vec<Finding> = flagged(&honest).into_values().filter(|one| one.at >= from).collect();
        let mut by_rule: BTreeMap<&str, usize> = BTreeMap::new();
        for one in &found {
            *by_rule.entry(one.rule.as_str()).or_default() += 1;
        }
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let weekly = found.len() as f64 / ((DAYS - SETTLED) as f64 / 7.0) * 100.0 / PEOPLE as f64;
        println!("seed {seed}: {} requests, {weekly:.2} flags per 100 users a week: {by_rule:?}", honest.len());
        assert!(weekly <= BUDGET, "{weekly:.2}: {by_rule:?} {:#?}", found.iter().take(5).collect::<Vec<_>>());

        let mut mixed = honest;
        let planted = planted();
        mixed.extend(planted.iter().flat_map(|(_, facts)| facts.clone()));
        mixed.sort_by_key(|fact| fact.at);
        let found = flagged(&mixed);
        for (rule, facts) in &planted {
            let entries: Vec<&String> = facts.iter().map(|fact| &fact.entry).collect();
            let caught =
                found.values().any(|one| one.rule == *rule && one.entries.iter().any(|id| entries.contains(&id)));
            assert!(caught, "seed {seed}: {} was planted and not flagged", rule.words());
        }
    }
}
