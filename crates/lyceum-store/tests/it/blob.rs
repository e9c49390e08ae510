//! The object store: what is put is there, what nobody refers to is swept.

use lyceum_store::blob::{collect_garbage, open_object_store};
use lyceum_store::home::Home;
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};

#[tokio::test]
async fn keeps_what_is_referenced_and_sweeps_the_rest() {
    let directory = tempfile::tempdir().unwrap();
    let home = Home::open(directory.path()).unwrap();
    let store = open_object_store(&home).unwrap();
    for name in ["v1/a", "v1/b", "v2/c"] {
        store.put(&Path::from(name), PutPayload::from_static(b"rows")).await.unwrap();
    }
    let mut upload = store.put_multipart(&Path::from("v3/d")).await.unwrap();
    upload.put_part(PutPayload::from_static(b"many ")).await.unwrap();
    upload.put_part(PutPayload::from_static(b"rows")).await.unwrap();
    upload.complete().await.unwrap();
    store.rename(&Path::from("v2/c"), &Path::from("v4/e/f")).await.unwrap();
    let referenced = ["v1/a".to_owned(), "v3/d".to_owned(), "gone".to_owned()];
    assert_eq!(collect_garbage(store.as_ref(), &referenced).await.unwrap(), 2);
    assert!(store.head(&Path::from("v1/b")).await.is_err());
    assert!(store.head(&Path::from("v4/e/f")).await.is_err());
    let left = store.get(&Path::from("v3/d")).await.unwrap().bytes().await.unwrap();
    assert_eq!(left.as_ref(), b"many rows");
    assert_eq!(collect_garbage(store.as_ref(), &referenced).await.unwrap(), 0);
}

#[tokio::test]
async fn deletes_what_a_killed_upload_left_half_written() {
    let directory = tempfile::tempdir().unwrap();
    let home = Home::open(directory.path()).unwrap();
    let store = open_object_store(&home).unwrap();
    let mut upload = store.put_multipart(&Path::from("v1/a")).await.unwrap();
    upload.put_part(PutPayload::from_static(b"half")).await.unwrap();
    std::mem::forget(upload);
    let folder = home.data_directory().join("v1");
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
    drop(store);
    let _store = open_object_store(&home).unwrap();
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
}
