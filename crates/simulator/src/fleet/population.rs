//! The people whom a fleet enrols: the same people for the same seed.

use wire::BioType;

use crate::{Device, Random};

/// The number of people and their data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Population {
    /// Number of people.
    pub users: usize,
    /// Fingers of each person, 0 to 10.
    pub fingerprints: u8,
    /// Percentage of people with an enrolled face.
    pub faces_percent: u8,
    /// Percentage of people with an enrolled palm.
    pub palms_percent: u8,
    /// Percentage of people with a user photo.
    pub user_photos_percent: u8,
}

/// The order in which people present their fingers: index, thumb, middle …
const FINGERS: [u8; 10] = [6, 3, 5, 4, 7, 2, 8, 1, 9, 0];

const GIVEN_NAMES: [&str; 12] =
    ["Ada", "Ángel", "Zoë", "Ольга", "李娜", "محمد", "Jürgen", "Siân", "Đặng", "Ines", "Noa", "Teshale"];

const FAMILY_NAMES: [&str; 10] = [
    "Lovelace",
    "Hernández Muñoz",
    "Brandt",
    "Иванова",
    "王",
    "العلي",
    "O'Neill",
    "van der Meer",
    "Trần",
    "Mekuria",
];

impl Population {
    /// The PIN of a person; `number` counts from 0.
    pub fn pin(number: usize) -> String {
        (1001 + number).to_string()
    }

    /// Enrols a person at a device, with the data that the device accepts.
    pub fn enrol(&self, number: usize, seed: u64, device: &mut Device) {
        let pin = Self::pin(number);
        let mut random = Random::named(seed, &pin);
        let mut pick =
            |names: &[&'static str]| names.get(random.index(names.len())).copied().unwrap_or_default();
        let name = format!("{} {}", pick(&GIVEN_NAMES), pick(&FAMILY_NAMES));
        device.enrol_user(&pin, &name);
        if random.chance(330) {
            device.change_card(&pin, 1 + random.below(u64::from(u32::MAX)));
        }
        if random.chance(200) {
            device.change_password(&pin, &(1000 + random.below(9000)).to_string());
        }
        let has = |bio_type| device.model().algorithm(bio_type).is_some();
        let (fingers, palms) = (has(BioType::FINGERPRINT), has(BioType::PALM));
        let faces = has(BioType::FACE) || has(BioType::VISIBLE_FACE);
        for finger in FINGERS.iter().take(usize::from(self.fingerprints)).filter(|_| fingers) {
            device.enrol_fingerprint(&pin, *finger);
        }
        if random.chance(percent(self.faces_percent)) && faces {
            device.enrol_face(&pin);
        }
        if random.chance(percent(self.palms_percent)) && palms {
            device.enrol_palm(&pin, 1);
        }
        if random.chance(percent(self.user_photos_percent)) && device.model().user_photos {
            device.take_user_photo(&pin);
        }
    }
}

fn percent(share: u8) -> u16 {
    u16::from(share) * 10
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Model;

    #[test]
    fn the_same_seed_makes_the_same_people() {
        let population = Population {
            users: 1,
            fingerprints: 2,
            faces_percent: 100,
            palms_percent: 100,
            user_photos_percent: 100,
        };
        let enrol = |seed| {
            let mut device = Device::new(Model::speedface(), "SIM0001").with_seed(seed);
            population.enrol(0, seed, &mut device);
            device.content()
        };
        assert_eq!(enrol(7), enrol(7));
        assert_ne!(enrol(7), enrol(8));
        assert_eq!((enrol(7).templates(), enrol(7).user_photos(), enrol(7).comparison_photos()), (4, 1, 1));
    }

    #[test]
    fn a_person_gets_the_data_that_the_model_accepts() {
        let population = Population {
            users: 1,
            fingerprints: 10,
            faces_percent: 100,
            palms_percent: 100,
            user_photos_percent: 100,
        };
        let mut device = Device::new(Model::k40(), "SIM0001");
        population.enrol(0, 1, &mut device);
        assert_eq!((device.count(BioType::FINGERPRINT), device.content().templates()), (10, 10));
    }
}
