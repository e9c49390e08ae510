//! Paths, widths, bundles, appending and hashes from tiles.

use crate::world::Files;
use lyceum_audit::AuditError;
use lyceum_audit::merkle::{Frontier, empty_root, leaf_hash, verify_consistency, verify_inclusion};
use lyceum_audit::tile::{
    TileHashes, TileKind, TilePath, append, decode_bundle, encode_bundle, partial_width, read_entry, width_of_level,
};
use proptest::prelude::*;

fn path(kind: TileKind, index: u64, width: u16) -> TilePath {
    TilePath { kind, index, width }
}

#[test]
fn paths_are_grouped_by_three_digits() {
    let cases = [
        (path(TileKind::Hashes(0), 0, 256), "tile/0/000"),
        (path(TileKind::Hashes(0), 273, 112), "tile/0/273.p/112"),
        (path(TileKind::Hashes(3), 1_234_067, 256), "tile/3/x001/x234/067"),
        (path(TileKind::Entries, 1_000, 1), "tile/entries/x001/000.p/1"),
    ];
    for (tile, text) in cases {
        assert_eq!(tile.to_string(), text);
        assert_eq!(text.parse::<TilePath>().unwrap(), tile);
    }
    let wrong = [
        "tile/0/0",
        "tile/0/1000",
        "tile/0/x000/001",
        "tile/0/000.p/256",
        "tile/0/000.p/0",
        "tile/0/000.p/007",
        "tile/00/000",
        "tile/0/001/x000",
        "tile/0/000/",
        "tile/x/000",
        "tile/entries/../000",
        "checkpoint",
        "tile/0/+01",
    ];
    for text in wrong {
        assert_eq!(text.parse::<TilePath>(), Err(AuditError::TilePath), "{text}");
    }
}

#[test]
fn a_tree_of_70000_has_the_widths_of_the_standard() {
    let widths: Vec<_> = (0..4).map(|l| (width_of_level(70_000, l) / 256, partial_width(70_000, l))).collect();
    assert_eq!(widths, [(273, 112), (1, 17), (0, 1), (0, 0)]);
}

#[test]
fn appending_70000_entries_writes_the_files_of_the_standard_and_the_right_root() {
    let entries: Vec<[u8; 4]> = (0..70_000_u32).map(u32::to_be_bytes).collect();
    let mut frontier = Frontier::default();
    entries.iter().for_each(|e| frontier.push(leaf_hash(e)));
    let first = append(&Files::new(), 0, empty_root(), &entries[..65_000]).unwrap();
    let mut files: Files = first.files.into_iter().map(|f| (f.path, f.bytes)).collect();
    let second = append(&files, 65_000, first.root, &entries[65_000..]).unwrap();
    files.extend(second.files.into_iter().map(|f| (f.path, f.bytes)));
    assert_eq!((second.size, second.root), (70_000, frontier.root()));
    let sizes = [
        ("tile/0/272", 8_192),
        ("tile/0/273.p/112", 112 * 32),
        ("tile/1/000", 8_192),
        ("tile/1/001.p/17", 17 * 32),
        ("tile/2/000.p/1", 32),
        ("tile/entries/273.p/112", 112 * 6),
    ];
    for (path, size) in sizes {
        assert_eq!(files[path].len(), size, "{path}");
    }
    assert!(!files.contains_key("tile/0/274.p/1") && !files.contains_key("tile/3/000.p/1"));
    let tiles = TileHashes::new(&files, 70_000);
    assert_eq!(tiles.root().unwrap(), frontier.root());
    for index in [0, 255, 256, 65_535, 65_536, 69_887, 69_888, 69_999] {
        let leaf = leaf_hash(&read_entry(&files, index, 70_000).unwrap());
        assert_eq!(leaf, leaf_hash(&entries[index as usize]));
        verify_inclusion(leaf, index, 70_000, &tiles.inclusion(index).unwrap(), second.root).unwrap();
    }
    verify_consistency(65_000, first.root, 70_000, second.root, &tiles.consistency(65_000).unwrap()).unwrap();
    assert!(matches!(read_entry(&files, 70_000, 70_000), Err(AuditError::OutOfTree { .. })));
}

#[test]
fn bundles_carry_entries_of_any_length_up_to_the_limit() {
    let entries = [Vec::new(), vec![1], vec![2; 65_535]];
    let bundle = encode_bundle(&entries).unwrap();
    assert_eq!(&bundle[..5], [0, 0, 0, 1, 1]);
    assert_eq!(decode_bundle(&bundle).unwrap(), entries.iter().map(Vec::as_slice).collect::<Vec<_>>());
    assert_eq!(decode_bundle(&bundle[..bundle.len() - 1]), None);
    assert_eq!(encode_bundle(&[vec![0; 65_536]]), Err(AuditError::EntryTooLong { bytes: 65_536 }));
}

#[test]
fn appending_to_damaged_tiles_is_refused() {
    let entries: Vec<[u8; 4]> = (0..300_u32).map(u32::to_be_bytes).collect();
    let first = append(&Files::new(), 0, empty_root(), &entries).unwrap();
    let mut files: Files = first.files.into_iter().map(|f| (f.path, f.bytes)).collect();
    files.get_mut("tile/0/001.p/44").unwrap()[5] ^= 1;
    assert_eq!(append(&files, 300, first.root, &entries), Err(AuditError::TilesDisagree { size: 300 }));
    files.remove("tile/0/001.p/44");
    assert!(matches!(append(&files, 300, first.root, &entries), Err(AuditError::TileMissing { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn batches_repeats_and_crashes_do_not_change_what_is_written(cuts in prop::collection::vec(0_usize..700, 0..6)) {
        let entries: Vec<[u8; 4]> = (0..700_u32).map(u32::to_be_bytes).collect();
        let whole = append(&Files::new(), 0, empty_root(), &entries).unwrap();
        let mut cuts = cuts;
        cuts.extend([0, 700]);
        cuts.sort_unstable();
        let (mut files, mut size, mut root) = (Files::new(), 0, empty_root());
        for pair in cuts.windows(2) {
            let batch = &entries[pair[0]..pair[1]];
            let appended = append(&files, size, root, batch).unwrap();
            // A crash before the checkpoint is signed: some files are there, and the batch is appended again, longer.
            files.extend(appended.files.iter().step_by(2).map(|f| (f.path.clone(), f.bytes.clone())));
            let again = append(&files, size, root, batch).unwrap();
            prop_assert_eq!(&again, &appended);
            files.extend(again.files.into_iter().map(|f| (f.path, f.bytes)));
            (size, root) = (again.size, again.root);
        }
        prop_assert_eq!(root, whole.root);
        for file in whole.files {
            prop_assert_eq!(files.get(&file.path), Some(&file.bytes));
        }
    }
}
