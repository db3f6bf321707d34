//! Comparison of two user records under one PIN.

use roster::{Capability, Field, StoredName, UserFields, UserPatch};

/// Whether both may be the same person: name and card agree if both have them; a cut name agrees with the whole
/// one.
pub(crate) fn same_person(a: &UserFields, b: &UserFields) -> bool {
    let capability = Capability::default();
    roster::same_person(a, &as_uploaded(b), &capability)
        || roster::same_person(b, &as_uploaded(a), &capability)
}

fn as_uploaded(fields: &UserFields) -> UserPatch {
    UserPatch {
        name: Some(StoredName { raw: fields.name.clone().into_bytes(), text: Some(fields.name.clone()) }),
        card: fields.card.clone(),
        ..UserPatch::default()
    }
}

/// The fields in which two records differ.
pub(crate) fn differing(a: &UserFields, b: &UserFields) -> Vec<Field> {
    let differs = |field: &Field| match field {
        Field::Name => a.name != b.name,
        Field::Privilege => a.privilege != b.privilege,
        Field::Password => a.password != b.password,
        Field::Card => a.card != b.card,
        Field::ViceCard => a.vice_card != b.vice_card,
        Field::Group => a.group != b.group,
        Field::TimeZones => a.time_zones != b.time_zones,
        Field::Verify => a.verify != b.verify,
        Field::Validity => (&a.start, &a.end, a.expires) != (&b.start, &b.end, b.expires),
    };
    Field::ALL.into_iter().filter(differs).collect()
}

/// The names of the fields: `name, card`.
pub(crate) fn listed(fields: &[Field]) -> String {
    let names: Vec<&str> = fields.iter().map(|field| field.as_str()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str, card: Option<&str>) -> UserFields {
        UserFields { name: name.into(), card: card.map(Into::into), ..UserFields::default() }
    }

    #[test]
    fn a_person_is_recognised_by_name_and_card() {
        let ada = named("Ada Lovelace", Some("77"));
        for same in [named("ada lovelace", None), named("", Some("77")), named("", None), ada.clone()] {
            assert!(same_person(&ada, &same) && same_person(&same, &ada), "{same:?}");
        }
        for other in [named("Grace Hopper", None), named("Ada Lovelace", Some("78"))] {
            assert!(!same_person(&ada, &other), "{other:?}");
        }
        let long = named("Maximilian Mustermann-Schmidt", None);
        assert!(same_person(&named("Maximilian Mustermann-Sc", None), &long));
    }

    #[test]
    fn differences_are_listed_by_field_name() {
        let a = UserFields { password: "4711".into(), ..named("Ada", Some("77")) };
        let b = UserFields { group: 2, ..named("Ada", None) };
        assert_eq!(listed(&differing(&a, &b)), "password, card, group");
        assert!(differing(&a, &a).is_empty());
    }
}
