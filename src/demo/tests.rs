use std::time::Instant;

#[test]
fn writes() {
    let out = tempfile::tempdir().unwrap();
    let out = out.path();
    let start = Instant::now();
    let manifest = super::write_all(out, super::DEFAULT_SEED).unwrap();
    eprintln!("{:?}", start.elapsed());
    for case in &manifest.cases {
        eprintln!("{} {} {:?}", case.key, case.records, case.causal);
    }
}
