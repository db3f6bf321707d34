//! Stories about terminals that refuse questions.

use super::*;
use crate::terminal::Answers;

/// A fleet without people. Device 0 answers only `answers`, and the fleet learns so with the first question.
fn fleet_that_answers(answers: Answers) -> World {
    let mut world = fleet_with_nobody();
    world.devices[0].terminal.answers = answers;
    world
}

/// The same with Ada, whom device 0 holds.
fn fleet_with_ada_that_answers(answers: Answers) -> World {
    let mut world = fleet_with_ada(true);
    world.devices[0].terminal.answers = answers;
    world
}

/// Runs until device 0 has answered what it answers. It connects anew if nothing else helps.
fn settle_down(world: &mut World) {
    for _ in 0..3 {
        calm_down(world);
        if world.devices[0].may_connect_again() {
            world.connect_again(0);
        }
    }
    calm_down(world);
}

/// Rule *uploaded again*: a second user record says nothing about a template that came before the first.
#[test]
fn a_template_without_a_user_joins_nobody_if_templates_cannot_be_asked_for() {
    for answers in [Answers::Users, Answers::Check, Answers::Nothing] {
        let mut world = fleet_that_answers(answers);
        let key = finger(&seven(), 6, 10);
        world.devices[0].terminal.report(Upload::Template(key.clone(), "STRANGER".to_owned()));
        enrol(&mut world, 0, "Ada Lovelace", "");
        settle_down(&mut world);

        assert_eq!(name_in_fleet(&world).as_deref(), Some("Ada Lovelace"), "{answers:?}");
        assert!(!world.is_live(&key), "{answers:?}");
        assert!(is_kept(&world, "STRANGER"), "{answers:?}");
        assert_equal(&world);
    }
}

/// The other side of rule *uploaded again*: a finger that was enrolled at the terminal needs no decision.
#[test]
fn a_template_that_comes_with_everything_else_is_taken_where_it_cannot_be_asked_for() {
    for answers in [Answers::Users, Answers::Check, Answers::Nothing] {
        let mut world = fleet_with_ada_that_answers(answers);
        let key = enrol_finger(&mut world, 0, "ADAFINGR");
        world.deliver_uploads(0);
        assert!(!world.is_live(&key), "{answers:?}");
        settle_down(&mut world);

        assert!(world.is_live(&key), "{answers:?}");
        assert_eq!(claim_of(&world, 0), None, "{answers:?}");
        assert!(!is_kept(&world, "ADAFINGR"), "{answers:?}");
        assert_equal(&world);
    }
}

/// Device 0 connects anew, and uploads all that it holds in one request.
fn connect_again_in_one_request(world: &mut World) {
    calm_down(world);
    if world.devices[0].may_connect_again() {
        world.connect_again(0);
        let uploads = &mut world.devices[0].terminal.uploads;
        *uploads = vec![uploads.concat()];
    }
}

/// Rule *shown again*: the template that comes once more in one request with the user record is proved. Another one that had come
/// before the record is not proved by that.
#[test]
fn a_template_that_is_shown_again_with_the_record_proves_no_other() {
    let mut world = fleet_with_ada_that_answers(Answers::Nothing);
    let stranger = finger(&seven(), 7, 10);
    let key = enrol_finger(&mut world, 0, "ADAFINGR");
    world.devices[0].terminal.report(Upload::Template(stranger.clone(), "STRANGER".to_owned()));
    // Ada's record comes without the finger: both templates wait.
    change_at(&mut world, 0, |_| {});
    world.deliver_uploads(0);
    assert_eq!(claim_of(&world, 0), Some((Reason::Unproved, Stage::Waiting)));
    assert!(!world.is_live(&key));

    connect_again_in_one_request(&mut world);
    calm_down(&mut world);
    assert!(world.is_live(&key));

    connect_again_in_one_request(&mut world);
    calm_down(&mut world);
    assert_eq!(claim_of(&world, 0), None);
    assert!(!world.is_live(&stranger) && is_kept(&world, "STRANGER"));
    assert_equal(&world);
}

/// Everything that the terminal holds comes in one request: the next person under a PIN needs no decision.
#[test]
fn somebody_new_under_a_pin_is_enrolled_by_what_a_terminal_shows_in_one_request() {
    let mut world = fleet_with_ada_that_answers(Answers::Nothing);
    world.policy.deletion = sync::intake::Deletion::Propagate;
    delete_at(&mut world, 0);
    enrol(&mut world, 0, "Grace Hopper", "");
    let key = enrol_finger(&mut world, 0, "GRACEFNG");
    // Once to show that Ada is not there any more, and once to show who is there since.
    for _ in 0..2 {
        connect_again_in_one_request(&mut world);
    }
    calm_down(&mut world);

    assert_eq!(name_in_fleet(&world).as_deref(), Some("Grace Hopper"));
    assert!(world.is_live(&key));
    assert_eq!(claim_of(&world, 0), None);
    assert!(!is_kept(&world, "GRACEFNG"));
    assert_equal(&world);
}

/// A terminal that does not know Ada holds two of her fingers. The fleet has other templates in their slots.
/// Everything that the terminal uploads joins one claim. Then the fleet's fingers go out.
#[test]
fn templates_that_are_shown_one_by_one_keep_nothing_from_the_terminal() {
    let mut world = fleet_with_ada(false);
    world.devices[1].terminal.answers = Answers::Check;
    let keys = [finger(&seven(), 6, 10), finger(&seven(), 7, 10)];
    for key in &keys {
        world.put(key, Some(template(&format!("FLEET{:03}", key.slot.number))), None);
    }
    lose_record(&mut world, 1, "Ada Lovelace");
    for (key, text) in keys.iter().zip(["OWNFING6", "OWNFING7"]) {
        world.devices[1].terminal.templates.insert((seven(), key.slot), text.to_owned());
    }
    world.devices[1].terminal.report(Upload::Template(keys[1].clone(), "OWNFING7".to_owned()));
    // The terminal uploads everything with each round, more of it than the server asks for.
    for _ in 0..20 {
        world.deliver_uploads(1);
        go_round(&mut world, 1);
        world.now = world.now.plus(6_000);
        world.devices[1].terminal.upload_everything();
    }
    settle_down(&mut world);

    assert_eq!(claim_of(&world, 1), None);
    assert_equal(&world);
}

/// The server believes a deletion when the terminal has uploaded all its users without the person.
#[test]
fn a_deletion_is_believed_when_everybody_else_was_uploaded() {
    for answers in [Answers::Check, Answers::Nothing] {
        let mut world = fleet_with_ada_that_answers(answers);
        world.policy.deletion = sync::intake::Deletion::Propagate;
        operator_sets(&mut world, "8", "Grace Hopper");
        calm_down(&mut world);
        world.devices[0].terminal.report(Upload::Deleted(seven()));
        settle_down(&mut world);
        assert_eq!(name_in_fleet(&world).as_deref(), Some("Ada Lovelace"), "{answers:?}");

        delete_at(&mut world, 0);
        settle_down(&mut world);
        assert_eq!(name_in_fleet(&world), None, "{answers:?}");
        assert_equal(&world);
    }
}

/// The upload of all people answers a question that a terminal refuses while it is being taken in.
#[test]
fn the_upload_of_a_joining_terminal_answers_a_question_that_it_refuses() {
    let mut world = fleet_with_ada(false);
    world.devices[1].terminal.answers = Answers::Check;
    world.devices[1].row.joining = Some(sync::Joining::Adopt);
    let key = enrol_finger(&mut world, 1, "STRANGER");
    world.devices[1].terminal.templates.clear();
    world.deliver_uploads(1);
    for _ in 0..3 {
        go_round(&mut world, 1);
    }
    assert_eq!(claim_of(&world, 1), Some((Reason::Unproved, Stage::Waiting)));

    let mut view = world.view(1);
    view.joined();
    world.devices[1].row.joining = None;
    world.apply(1, view);
    world.was_read(1);
    settle_down(&mut world);

    assert_eq!(claim_of(&world, 1), None);
    assert!(!world.is_live(&key) && is_kept(&world, "STRANGER"));
    assert_equal(&world);
}

/// For three minutes device 0 gets everything except `CHECK`, so it does not upload everything meanwhile.
fn three_minutes_without_check(world: &mut World) {
    for _ in 0..180 {
        world.now = world.now.plus(1_000);
        world.poll(0, false);
        let is_check = |command: &Command| {
            matches!(command, Command::QueuedCommand { what: crate::terminal::QueuedCommand::Check, .. })
        };
        world.devices[0].terminal.inbox.retain(|command| !is_check(command));
        run(world, 0);
        world.deliver_uploads(0);
        world.deliver_acknowledgements(0);
    }
}

/// Rule *uploaded again*: once the user record came after a template, the user count says nothing about the template.
#[test]
fn a_count_proves_no_template_that_came_before_a_user_record() {
    let mut world = fleet_with_ada_that_answers(Answers::Users);
    let key = finger(&seven(), 6, 10);
    world.devices[0].terminal.report(Upload::Template(key.clone(), "STRANGER".to_owned()));
    world.deliver_uploads(0);
    three_minutes_without_check(&mut world);

    assert_eq!(claim_of(&world, 0), Some((Reason::Unproved, Stage::Waiting)));
    assert!(!world.is_live(&key));
}

/// A command of the user was open when the template came: the user count says nothing about the person whom the
/// command overwrote.
#[test]
fn a_count_proves_no_template_that_came_under_a_command_of_the_user() {
    let mut world = fleet_with_ada_that_answers(Answers::Nothing);
    operator_sets(&mut world, "7", "Ada King");
    world.poll(0, false);
    let key = finger(&seven(), 6, 10);
    world.devices[0].terminal.report(Upload::Template(key.clone(), "STRANGER".to_owned()));
    world.deliver_uploads(0);
    three_minutes_without_check(&mut world);

    assert!(!world.is_live(&key));
}

/// The other side: a template without a user record, of a person whom the terminal holds, is accepted because of the
/// user count.
#[test]
fn a_count_proves_a_template_of_somebody_who_is_there() {
    let mut world = fleet_with_ada_that_answers(Answers::Nothing);
    let key = enrol_finger(&mut world, 0, "ADAFINGR");
    world.deliver_uploads(0);
    three_minutes_without_check(&mut world);

    assert!(world.is_live(&key));
    assert_eq!(claim_of(&world, 0), None);
}
