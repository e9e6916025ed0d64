//! What the person before the door is asked to do.

use super::*;

/// What the door asks for.
fn asked(prompt: Option<Prompt>) -> PromptMessage {
    let prompt = prompt.map(|prompt| PromptText { prompt, text: format!("Text of {}.", prompt.name()) });
    PromptMessage { time: "2026-11-29T08:15:00Z".parse().unwrap(), door: "front".into(), prompt }
}

#[test]
fn a_prompt_is_published_and_a_later_subscriber_gets_only_that_nothing_is_asked() {
    let broker = Broker::open();
    let subscriber = Subscriber::new(broker.port());
    let mut door = Door::new(broker.port());
    assert!(door.mqtt.shows_prompts());
    assert_eq!(json(&subscriber.next(PROMPT))["prompt"], Value::Null);
    door.mqtt.prompt(&asked(Some(Prompt::StepBack))).unwrap();
    let message = subscriber.next(PROMPT);
    assert_eq!(message.qos, QoS::AtMostOnce);
    let expected = serde_json::json!({
        "prompt": "step_back", "text": "Text of step_back.", "door": "front", "time": "2026-11-29T08:15:00Z"
    });
    assert_eq!(json(&message), expected);

    // A display that connects now does not get an instruction that may be old when it is shown.
    let display = Subscriber::new(broker.port());
    let message = display.next(PROMPT);
    assert!(message.retain);
    assert_eq!((&json(&message)["prompt"], &json(&message)["text"]), (&Value::Null, &Value::Null));
    door.mqtt.prompt(&asked(Some(Prompt::LookAtCamera))).unwrap();
    for subscriber in [&subscriber, &display] {
        assert_eq!(json(&subscriber.next(PROMPT))["prompt"], "look_at_camera");
    }
    door.mqtt.prompt(&asked(None)).unwrap();
    for subscriber in [&subscriber, &display] {
        assert_eq!(json(&subscriber.next(PROMPT))["prompt"], Value::Null);
    }
}

#[test]
fn after_an_outage_only_the_newest_prompt_is_published() {
    let broker = Broker::open();
    let subscriber = Subscriber::new(broker.port());
    let proxy = Proxy::new(broker.port());
    let mut door = Door::new(proxy.port);
    assert_eq!(json(&subscriber.next(PROMPT))["prompt"], Value::Null);
    door.mqtt.prompt(&asked(Some(Prompt::StepBack))).unwrap();
    assert_eq!(json(&subscriber.next(PROMPT))["prompt"], "step_back");
    proxy.cut();
    assert_eq!(&subscriber.next(AVAILABILITY).payload[..], b"online");
    assert_eq!(&subscriber.next(AVAILABILITY).payload[..], b"offline");
    door.mqtt.prompt(&asked(None)).unwrap();
    door.mqtt.prompt(&asked(Some(Prompt::LookAtCamera))).unwrap();
    proxy.restore();
    // First that nothing is asked, which is retained, and then what is asked now.
    assert_eq!(json(&subscriber.next(PROMPT))["prompt"], Value::Null);
    assert_eq!(json(&subscriber.next(PROMPT))["prompt"], "look_at_camera");
}
