//! Events caused by operators.

use roster::{Area, Content, ItemKey, Kind, Slot, UserFields};
use wire::Pin;

use super::{ADMINISTRATOR, Episode};
use crate::world::{AREAS, user_key};

impl Episode {
    pub(super) fn operator_acts(&mut self, chance: usize, device: usize, who: &Pin) {
        let live = self.world.is_live(&user_key(who));
        match chance {
            780..800 if live => self.operator_deletes(who),
            800..810 if live => {
                self.operator_deletes(who);
                self.operator_sets(who);
            }
            810..820 => self.operator_undoes(),
            820..850 if live => {
                let areas = self.some_areas();
                self.operator_moves(who, &areas);
            }
            850..860 if live => self.operator_drops_a_template(who),
            860..875 if live => {
                let fields = self.world.user(who).expect("live");
                let privilege = ADMINISTRATOR - fields.privilege;
                let content = Content::User(UserFields { privilege, ..fields });
                self.world.put(&user_key(who), Some(content), None);
            }
            875..885 => {
                let areas = self.some_areas();
                self.world.tell(|| format!("== {device} is moved to {areas:?}"));
                self.world.set_areas(device, areas);
            }
            _ => {}
        }
        self.judge.look(&mut self.world);
    }

    /// An operator changes the user, or gives the PIN to another person.
    pub(super) fn operator_sets(&mut self, who: &Pin) {
        if let Some(fields) = self.world.user(who) {
            let Some(owner) = self.judge.owner(who) else { return };
            let group = self.group(owner);
            let card =
                if self.world.random.chance(0.3) { Some(self.value(owner)) } else { fields.card.clone() };
            let fields = UserFields { group, card, ..fields };
            self.world.put(&user_key(who), Some(Content::User(fields)), None);
            return self.judge.look(&mut self.world);
        }
        if self.ordinary && self.world.devices.iter().any(|device| device.terminal.users.contains_key(who)) {
            return;
        }
        let before = self.judge.deleted_before(who);
        let again = !before.is_empty() && self.world.random.chance(0.3);
        let person = if again { self.world.random.pick(&before) } else { self.person(true) };
        let group = self.group(person);
        let individual = self.people[person].clone();
        let fields =
            UserFields { name: individual.name, card: individual.card, group, ..UserFields::default() };
        self.judge.set_by_operator(&self.world, group);
        self.world.put(&user_key(who), Some(Content::User(fields)), None);
        self.judge.look(&mut self.world);
        let areas = self.some_areas();
        self.operator_moves(who, &areas);
    }

    pub(super) fn operator_deletes(&mut self, who: &Pin) {
        self.world.tell(|| format!("== an operator deletes {who}"));
        let content = |key: &ItemKey| Some((key.clone(), self.world.items[key].content.clone()?));
        let rest =
            self.world.keys_of(who).iter().filter(|key| key.slot != Slot::USER).filter_map(content).collect();
        self.undo = Some((who.clone(), self.world.user(who).expect("live"), rest));
        self.world.delete_user(who);
        self.judge.look(&mut self.world);
    }

    fn operator_undoes(&mut self) {
        let Some((who, fields, rest)) = self.undo.clone() else { return };
        if self.world.is_live(&user_key(&who)) {
            return;
        }
        self.world.tell(|| format!("== an operator brings {who} back"));
        self.judge.set_by_operator(&self.world, fields.group);
        self.world.put(&user_key(&who), Some(Content::User(fields)), None);
        for (key, content) in rest {
            self.world.put(&key, Some(content), None);
        }
    }

    pub(super) fn operator_moves(&mut self, who: &Pin, areas: &std::collections::BTreeSet<Area>) {
        for area in AREAS {
            let key = ItemKey { pin: who.clone(), slot: Slot::membership(area) };
            let wanted = areas.contains(&area);
            if wanted != self.world.is_live(&key) {
                self.world.put(&key, wanted.then_some(Content::Membership), None);
            }
        }
    }

    fn operator_drops_a_template(&mut self, who: &Pin) {
        let is_template =
            |key: &ItemKey| matches!(key.slot.kind, Kind::Template(_)) && self.world.is_live(key);
        let held: Vec<ItemKey> = self.world.keys_of(who).into_iter().filter(is_template).collect();
        if !held.is_empty() {
            let key = self.world.random.pick(&held);
            self.world.put(&key, None, None);
        }
    }
}
