//! Merges trees: an overlay over a base, a node's own settings over its profiles'.

use super::tree::{Data, Map, Tree};

/// The tree `over` on top of `base`: maps merge deep, lists and scalars replace, `null` removes the key.
pub(crate) fn overlay(base: &mut Tree, over: Tree) {
    merge(base, over, Nulls::Remove);
}

/// The tree `over` on top of `base`: maps merge deep, all else replaces, and an empty value says nothing.
pub(crate) fn inherit(base: &mut Tree, over: &Tree) {
    merge(base, over.clone(), Nulls::SayNothing);
}

/// Forgets what overlays removed and no file has; but nodes are kept to be removed from what ranges make.
pub(crate) fn forget_removed(root: &mut Tree) {
    let Data::Map(map) = &mut root.data else { return };
    for (key, entry) in map.iter_mut() {
        let Data::Map(inner) = &mut entry.value.data else { continue };
        if key == "nodes" {
            inner.values_mut().for_each(|entry| forget(&mut entry.value));
        } else {
            forget(&mut entry.value);
        }
    }
    map.retain(|_, entry| !matches!(entry.value.data, Data::Removed));
}

#[derive(Clone, Copy, PartialEq)]
enum Nulls {
    Remove,
    SayNothing,
}

fn merge(base: &mut Tree, over: Tree, nulls: Nulls) {
    match (&mut base.data, over.data) {
        (Data::Map(base), Data::Map(over)) => merge_maps(base, over, nulls),
        (_, Data::Null) if nulls == Nulls::SayNothing => {}
        (_, mut data) => {
            if nulls == Nulls::Remove {
                mark_removed(&mut data);
            }
            *base = Tree { mark: over.mark, profile: over.profile, data };
        }
    }
}

fn merge_maps(base: &mut Map, over: Map, nulls: Nulls) {
    for (key, mut entry) in over {
        let removes = nulls == Nulls::Remove && matches!(entry.value.data, Data::Null);
        match base.get_mut(&key) {
            Some(_) if removes => {
                entry.value.data = Data::Removed;
                base.insert(key, entry);
            }
            Some(there) => merge(&mut there.value, entry.value, nulls),
            None => {
                if nulls == Nulls::Remove {
                    mark_removed(&mut entry.value.data);
                }
                base.insert(key, entry);
            }
        }
    }
}

/// In an overlay every empty value of a map removes.
fn mark_removed(data: &mut Data) {
    match data {
        Data::Null => *data = Data::Removed,
        Data::Map(map) => map.values_mut().for_each(|entry| mark_removed(&mut entry.value.data)),
        _ => {}
    }
}

fn forget(tree: &mut Tree) {
    match &mut tree.data {
        Data::Map(map) => {
            map.retain(|_, entry| !matches!(entry.value.data, Data::Removed));
            map.values_mut().for_each(|entry| forget(&mut entry.value));
        }
        Data::List(items) => items.iter_mut().for_each(forget),
        _ => {}
    }
}
