//! Which generator runs behind the samplers: pinned by the lock file, see the ADR on randomness.

use lyceum_privacy::mechanism::{ExactCells, LiveNoise, Mechanism, MechanismCall, NoiseSource, Norm, Sensitivity};

const LOCK: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.lock"));
const WORKSPACE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml"));

/// The lock file's entry of one version of one package.
fn locked(name: &str, version_prefix: &str) -> &'static str {
    let wanted = format!("name = \"{name}\"\nversion = \"{version_prefix}");
    let mut found = LOCK.split("[[package]]").filter(|entry| entry.contains(&wanted));
    let entry = found.next().unwrap_or_else(|| panic!("{name} {version_prefix} is not in Cargo.lock"));
    assert!(found.next().is_none(), "{name} {version_prefix} is there twice");
    entry
}

#[test]
fn opendp_is_pinned_without_its_optional_generator() {
    let entry = locked("opendp", "0.16.0\"");
    assert_eq!(LOCK.matches("name = \"opendp\"\n").count(), 1);
    // An optional dependency is in the lock file exactly when its feature is on: without `use-openssl`,
    // the only `fill_bytes` that is compiled asks rand's `thread_rng`.
    assert!(!entry.contains("openssl"), "`use-openssl` changes the generator: write an ADR first");
    assert!(entry.contains("\"rand 0.7."), "the generator comes from rand 0.7");
    let line = WORKSPACE.lines().find(|l| l.starts_with("opendp = ")).unwrap();
    assert!(line.contains("\"=0.16.0\"") && line.contains("default-features = false"), "{line}");
}

#[test]
fn the_generator_is_chacha_seeded_by_the_operating_system() {
    let rand = locked("rand", "0.7.");
    // rand 0.7's ThreadRng on everything but emscripten: ChaCha20Core from rand_chacha, seeded and reseeded by OsRng,
    // which is getrandom.
    assert!(rand.contains("\"rand_chacha 0.2.") && rand.contains("\"getrandom 0.1."), "{rand}");
    const { assert!(cfg!(not(target_os = "emscripten"))) };
}

#[test]
fn two_releases_never_share_a_stream() {
    let sensitivity = Sensitivity { norm: Norm::L2, value: 1.0 };
    let mechanism = Mechanism::DiscreteGaussian { sigma: 1e6 };
    let call = MechanismCall { query: 1, measure: 0, mechanism, sensitivity };
    let draw = || LiveNoise.add_noise(&call, ExactCells::new(vec![0; 16])).unwrap();
    // The same call, from the same thread and from others: equal vectors would take a chance of about 2^-300.
    let mut seen: Vec<Vec<i64>> = (0..4).map(|_| draw()).collect();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(draw)).collect();
        seen.extend(threads.into_iter().map(|t| t.join().unwrap()));
    });
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 8);
}
