//! The random model: one server, four terminals, and everything that may go wrong between them.
//!
//! Each episode mixes these events: edits by operators and at devices, deletions, reused PINs, changes of areas,
//! wipes, full uploads, lost replies, restarts, devices that are busy, full or refuse content, late acknowledgements
//! and uploads, and operators' commands. Then the disturbance stops and every device polls until nothing is left to
//! do. At the end the test compares each device with what the server wants it to hold.
//!
//! `MUSTER_EPISODES=30000 cargo nextest run -p sync --test model` runs more episodes; a failure names its seed.

mod identity;
mod judge;
mod random;
mod removals;
mod rules;
mod terminal;
mod world;

use roster::{Area, Content, DefinitionKind, ItemKey, Slot, UserFields};
use terminal::{QueuedCommand, Upload, User, template};
use wire::Pin;
use world::{AREAS, World, definition, definition_key, finger, pin, user_key};

fn episode(seed: u64) -> World {
    let mut world = World::new(seed);
    for _ in 0..160 {
        world.now = world.now.plus(1_000);
        step(&mut world);
    }
    calm_down(&mut world);
    world
}

fn calm_down(world: &mut World) {
    world.busy = 0.0;
    for _ in 0..120 {
        world.now = world.now.plus(7_000);
        for device in 0..world.devices.len() {
            world.deliver_uploads(device);
            world.poll(device, false);
            let World { devices, random, .. } = world;
            devices[device].terminal.run(random, usize::MAX, 0.0);
            devices[device].terminal.report(Upload::Count);
            world.deliver_uploads(device);
            world.deliver_acknowledgements(device);
        }
    }
}

fn step(world: &mut World) {
    let device = world.random.below(world.devices.len());
    let who = pin(world.random.below(6));
    let major = world.devices[device].major;
    match world.random.below(109) {
        0..10 => operator_edits(world, &who),
        10..16 if world.is_live(&user_key(&who)) => {
            let key = finger(&who, u8::from(world.random.chance(0.5)), world.random.pick(&[10, 12]));
            let text = world.value();
            world.put(&key, Some(template(&text)), None);
        }
        16..19 => world.delete_user(&who),
        19..21 => {
            let live: Vec<ItemKey> = (0..4_u8)
                .map(|n| finger(&who, n % 2, 10 + u16::from(n / 2) * 2))
                .filter(|k| world.is_live(k))
                .collect();
            if !live.is_empty() {
                let key = world.random.pick(&live);
                world.put(&key, None, None);
            }
        }
        21..25 if world.is_live(&user_key(&who)) => {
            let key = ItemKey { pin: who, slot: Slot::membership(world.random.pick(&AREAS)) };
            let content = (!world.is_live(&key)).then_some(Content::Membership);
            world.put(&key, content, None);
        }
        25..29 => device_edits(world, device, major),
        29..31 => {
            let terminal = &world.devices[device].terminal;
            if !terminal.users.contains_key(&who)
                && terminal.users.len() < terminal.most_users
                && !world.is_live(&user_key(&who))
            {
                let user = User::new(world.name(), Some(world.value()));
                let terminal = &mut world.devices[device].terminal;
                let user =
                    User { name: user.name[..user.name.len().min(terminal.name_bytes)].to_owned(), ..user };
                terminal.users.insert(who.clone(), user.clone());
                terminal.report(Upload::User(who, user));
            }
        }
        31..33 => {
            let terminal = &mut world.devices[device].terminal;
            if terminal.users.contains_key(&who) {
                terminal.remove(&who);
                terminal.report(Upload::Deleted(who));
            }
        }
        33..35 => world.devices[device].terminal.upload_everything(),
        35..37 => {
            let number = 1 + world.random.below(2);
            let areas = (0..number).map(|_| world.random.pick(&AREAS)).collect();
            world.set_areas(device, areas);
        }
        37 => world.devices[device].terminal.clear(),
        38..40 => {
            world.devices[device].terminal.inbox.clear();
            world.devices[device].terminal.acknowledgements.clear();
        }
        40 => {
            let what = world.random.pick(&[
                QueuedCommand::Check,
                QueuedCommand::Check,
                QueuedCommand::Reboot,
                QueuedCommand::ClearData,
            ]);
            world.order(device, what);
        }
        41..66 => {
            let lost = world.random.chance(0.15);
            match world.random.below(4) {
                0 => world.poll_while(device, lost, |world| another_server_writes(world, &who)),
                _ => world.poll(device, lost),
            }
        }
        66..80 => {
            let most = world.random.pick(&[1, 3, 99]);
            let World { devices, random, busy, .. } = world;
            devices[device].terminal.run(random, most, *busy);
        }
        80..92 => {
            if world.random.chance(0.85) {
                world.deliver_acknowledgements(device);
            }
        }
        100..109 => definition_step(world, device),
        _ => {
            world.devices[device].terminal.report(Upload::Count);
            world.deliver_uploads(device);
        }
    }
}

fn another_server_writes(world: &mut World, who: &Pin) {
    if world.is_live(&user_key(who)) && world.random.chance(0.2) {
        return world.delete_user(who);
    }
    operator_edits(world, who);
    if world.random.chance(0.5) {
        let text = world.value();
        world.put(&finger(who, 0, 10), Some(template(&text)), None);
    }
}

fn definition_step(world: &mut World, device: usize) {
    match world.random.below(9) {
        0..4 => operator_defines(world),
        4 => {
            let key = any_definition(world);
            if world.is_live(&key) {
                world.delete_user(&key.pin);
            }
        }
        5 => {
            let key = any_definition(world);
            if world.is_live(&key) {
                let key = ItemKey { pin: key.pin, slot: Slot::membership(world.random.pick(&AREAS)) };
                let content = (!world.is_live(&key)).then_some(Content::Membership);
                world.put(&key, content, None);
            }
        }
        6..8 => {
            let key = definition_key(DefinitionKind::WorkCode, world.random.below(2));
            let value = world.value();
            let terminal = &mut world.devices[device].terminal;
            terminal.definitions.insert(key.pin.clone(), value.clone());
            terminal.report(Upload::WorkCode(key, value));
        }
        _ => world.new_firmware(device),
    }
}

fn any_definition(world: &mut World) -> ItemKey {
    let kind = world.random.pick(&[DefinitionKind::WorkCode, DefinitionKind::TimeZone]);
    definition_key(kind, world.random.below(2))
}

fn operator_defines(world: &mut World) {
    let key = any_definition(world);
    let value = world.value();
    let member = |area: Area| ItemKey { pin: key.pin.clone(), slot: Slot::membership(area) };
    if !AREAS.iter().any(|area| world.is_live(&member(*area))) {
        let area = world.random.pick(&AREAS);
        world.put(&member(area), Some(Content::Membership), None);
    }
    world.put(&key, Some(Content::Definition(definition(&key, &value))), None);
    world.deleted.remove(&key.pin);
}

fn operator_edits(world: &mut World, who: &Pin) {
    let fields = match world.user(who) {
        Some(fields) if world.random.chance(0.5) => UserFields { card: Some(world.value()), ..fields },
        Some(fields) => UserFields { name: world.name(), ..fields },
        None => UserFields { name: world.name(), card: Some(world.value()), ..UserFields::default() },
    };
    world.put(&user_key(who), Some(Content::User(fields)), None);
    world.deleted.remove(who);
    let member = |area: &Area| ItemKey { pin: who.clone(), slot: Slot::membership(*area) };
    if !AREAS.iter().any(|area| world.is_live(&member(area))) {
        let area = world.random.pick(&AREAS);
        world.put(&member(&area), Some(Content::Membership), None);
    }
}

fn device_edits(world: &mut World, device: usize, major: u16) {
    let held: Vec<_> = world.devices[device].terminal.users.keys().cloned().collect();
    if held.is_empty() {
        return;
    }
    let who = world.random.pick(&held);
    if world.random.chance(0.5) {
        let (name, card) = (world.name(), world.value());
        let change_name = world.random.chance(0.5);
        let terminal = &mut world.devices[device].terminal;
        let bytes = terminal.name_bytes;
        let user = terminal.users.get_mut(&who).expect("it was listed");
        if change_name {
            name[..name.len().min(bytes)].clone_into(&mut user.name);
        } else {
            user.card = Some(card);
        }
        let user = user.clone();
        terminal.report(Upload::User(who, user));
    } else {
        let key = finger(&who, u8::from(world.random.chance(0.5)), major);
        let text = world.value();
        let terminal = &mut world.devices[device].terminal;
        let place = (who, key.slot);
        if terminal.templates.contains_key(&place) || terminal.templates.len() < terminal.most_templates {
            terminal.templates.insert(place, text.clone());
            terminal.report(Upload::Template(key, text));
        }
    }
}

fn judge(seed: u64) -> Result<(), String> {
    let world = episode(seed);
    let differences = world.differences();
    if !differences.is_empty() {
        return Err(format!("seed {seed} diverged: {}", differences.join("; ")));
    }
    let items_over_write_limit = world.items_over_write_limit();
    if !items_over_write_limit.is_empty() {
        return Err(format!("seed {seed} never came to rest: devices {items_over_write_limit:?}"));
    }
    if world.resurrected > 0 {
        return Err(format!("seed {seed} brought a deleted user back"));
    }
    Ok(())
}

#[test]
fn every_device_ends_up_with_what_the_server_wants_whatever_happened() {
    let episodes = std::env::var("MUSTER_EPISODES").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000_u64);
    let first = std::env::var("MUSTER_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(0_u64);
    let failures: Vec<String> = (first..first + episodes).filter_map(|seed| judge(seed).err()).collect();
    assert!(
        failures.is_empty(),
        "{} of {episodes} failed:\n{}",
        failures.len(),
        failures[..failures.len().min(5)].join("\n")
    );
}
