//! Limits of a merge: edits that are dropped again.

use crate::{Field, Merge, UserFields};

impl Merge {
    /// Keeps only the edits of fields without a value in `current`. The fleet's values stay.
    pub fn keep_existing(&mut self, current: &UserFields) {
        let fleet = std::mem::replace(&mut self.fields, current.clone());
        self.edited.retain(|field| {
            let unset = !current.has(*field);
            if unset {
                self.fields.take(*field, &fleet);
            } else {
                self.stale.insert(*field);
            }
            unset
        });
    }

    /// Drops the edit of one field. Returns whether there was one.
    pub fn drop_edit(&mut self, field: Field, current: &UserFields) -> bool {
        let was = self.edited.remove(&field);
        if was {
            self.fields.take(field, current);
            self.stale.insert(field);
        }
        was
    }

    /// Drops the edits of credentials and of the privilege. Returns whether there were any.
    pub fn drop_credential_edits(&mut self, current: &UserFields) -> bool {
        let credentials = [Field::Privilege, Field::Password, Field::Card, Field::ViceCard];
        let mut withheld = false;
        for field in credentials {
            if self.edited.remove(&field) {
                self.fields.take(field, current);
                withheld = true;
            }
        }
        withheld
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Capability, StoredName, Uploader, UserPatch};

    #[test]
    fn a_joining_device_fills_empty_fields_and_overwrites_none() {
        let current = UserFields { name: "Ada".into(), group: 3, ..UserFields::default() };
        let theirs =
            UserFields { name: "Ada".into(), card: Some("77".into()), group: 9, ..UserFields::default() };
        let mut merge = Merge { fields: theirs, ..Merge::default() };
        merge.edited.extend([Field::Card, Field::Group]);

        merge.keep_existing(&current);

        assert_eq!(merge.fields, UserFields { card: Some("77".into()), ..current });
        assert_eq!((merge.edited, merge.stale), ([Field::Card].into(), [Field::Group].into()));
    }

    #[test]
    fn edits_of_credentials_are_dropped_and_others_stay() {
        let current = UserFields { name: "Ada".into(), card: Some("17".into()), ..UserFields::default() };
        let uploader = Uploader { capability: &Capability::default(), settled: true, trust_privilege: false };
        let name = StoredName { raw: b"Ada King".to_vec(), text: Some("Ada King".into()) };
        let theirs = UserPatch { name: Some(name), card: Some("18".into()), ..UserPatch::default() };
        let mut merge = crate::merge(&current, &[], &theirs, &uploader);
        assert!(merge.drop_credential_edits(&current));
        assert_eq!((merge.fields.name.as_str(), merge.fields.card.as_deref()), ("Ada King", Some("17")));
        assert!(!merge.drop_credential_edits(&current));
    }
}
