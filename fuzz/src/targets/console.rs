//! What the web console reads: heads of requests, what people type, calls of scripts, an owner's certificate.

use std::net::{IpAddr, Ipv4Addr};

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use ostiary_console::fuzzed::{Validity, after_sign_in, code, events, head, parameters, validities};

use super::{Target, joined, parts};

pub const TARGET: Target = Target {
    name: "console",
    about: "requests to the web console: heads, forms, calls of the API; certificates (PEM, DER)",
    run,
    seeds,
    dictionary: &[
        b"host: door.local\n",
        b"origin: https://door.local\n",
        b"cookie: __Host-session=",
        b"cookie: __Host-flash=",
        b"cookie: __Host-undo=",
        b"accept-language: ",
        b"x-forwarded-for: ",
        b"forwarded: for=",
        b"upgrade: websocket\n",
        b"sec-fetch-site: same-origin\n",
        b"authorization: Bearer ",
        b"::ffff:127.0.0.1",
        b"127.0.0.1",
        b", ",
        b"; ",
        b";q=",
        b":443",
        b"%2f",
        b"/events?from=2026-01-31T10:00&before=7",
        b"\"filter\":{}",
        b"null",
        b"1e300",
        b"\x30\x82",
        b"\x30\x83\xff\xff\xff",
        b"\x17\x0d",
        b"\x18\x0f",
        b"-----BEGIN CERTIFICATE-----\n",
    ],
    max_len: 16 << 10,
};

const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Calls with each kind of parameter.
const CALLS: [&str; 6] =
    ["ListEvents", "EnrollFromCamera", "Replay", "SetKey", "ActivateModels", "CreateToken"];

fn run(data: &[u8]) {
    let [fields, typed, address, body, certificate] = parts(data);
    check_head(fields);
    let typed = String::from_utf8_lossy(typed);
    if let Some(read) = code(&typed) {
        assert_eq!(code(&read).as_ref(), Some(&read), "a code is read as it is shown");
    }
    let next = after_sign_in(&typed);
    let has_other = next.starts_with("//") || next.contains(['\\', ':', '\t', '\r', '\n', '?', '#']);
    assert!(next.starts_with('/') && !has_other, "a sign-in leads to {next:?}");
    if let Some(read) = std::str::from_utf8(address).ok().and_then(events) {
        assert_eq!(events(&read).as_ref(), Some(&read), "the address of events is read as it was written");
    }
    for call in CALLS {
        if let Some(read) = parameters(call, body) {
            let again = parameters(call, read.to_string().as_bytes());
            assert_eq!(again.as_ref(), Some(&read), "parameters of {call} are read as the door gets them");
        }
    }
    let _ = (Validity::of(certificate), validities(certificate));
}

/// A head in lines, `name: value`. Those that HTTP does not allow are left out.
fn check_head(lines: &[u8]) {
    let mut fields = HeaderMap::new();
    for line in lines.split(|byte| *byte == b'\n') {
        let Some(end) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = line.split_at(end);
        let name = HeaderName::from_bytes(name);
        let value = HeaderValue::from_bytes(value.get(1..).unwrap_or_default().trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            fields.append(name, value);
        }
    }
    let other = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    assert_eq!(
        head(&Method::GET, &fields, other, &[PROXY]).client,
        other,
        "only a trusted proxy is believed"
    );
    let posted = head(&Method::POST, &fields, PROXY, &[PROXY]);
    let has_origin = fields.contains_key("origin") && fields.contains_key("host");
    let is_own = fields.get_all("sec-fetch-site").iter().all(|site| site == "same-origin");
    assert!(!posted.may_change || (has_origin && is_own), "another site changes something: {fields:?}");
}

fn seeds() -> anyhow::Result<Vec<Vec<u8>>> {
    let head = b"host: door.local:8443\norigin: https://door.local:8443\nsec-fetch-site: same-origin\n\
        cookie: a=b; __Host-session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\ncookie: __Host-flash=ZG9uZS1vcGVuZWQKQWRh\n\
        cookie: __Host-undo=Y2FtZXJhLmZwcwozMA\naccept-language: de-CH, de;q=0.9, en;q=0.8\n\
        x-forwarded-for: 198.51.100.7, 127.0.0.1\nauthorization: Bearer AAAA\n";
    let forwarded =
        b"host: a\nupgrade: websocket\nx-forwarded-for: ::ffff:127.0.0.1, x\naccept-language: *;q=0, vi\n";
    let events =
        b"/events?from=2026-01-31T10:00&until=2026-02-01&person=Zo%C3%AB+%26+Co&reason=&kind=faults&before=7";
    let filter = br#"{"filter":{"since":null,"after":25.0,"kinds":["denied"]},"limit":50}"#;
    let enroll = br#"{"name":"Ada","any_pose":true,"timeout_s":1e1,"options":{"aligned":false,"force":false,"allow_similar":true,"allow_unlike":false}}"#;
    let change = br#"{"version":null,"without":["Ada"]}"#;
    // As long as needed: a version, a serial number, an algorithm, an issuer, and a validity in both forms of time.
    let der = b"0200\xa0\x03\x02\x01\x02\x02\x01\x010\x02\x05\x000\x000\x20\x17\x0d260101000000Z\x18\x0f20600101000000Z";
    let pem = b"-----BEGIN CERTIFICATE-----\nMDIwMKADAgECAgEBMAIFADAAMCAXDTI2MDEwMTAwMDAwMFoYDzIwNjAwMTAxMDAwMDAwWg==\n-----END CERTIFICATE-----\n";
    Ok(vec![
        joined(&[head, b"abcde-fgh1k", events, filter, der])?,
        joined(&[forwarded, b"/live", b"/events", enroll, pem])?,
        joined(&[b"", b"/\t/evil.example", b"/events?before=7", change, b""])?,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeds_are_understood() {
        let seeds = seeds().unwrap();
        let read: Vec<[&[u8]; 5]> = seeds.iter().map(|seed| parts(seed)).collect();
        let [head, code_typed, address, body, der] = read[0];
        assert!(head.len() > 100 && code(std::str::from_utf8(code_typed).unwrap()).is_some());
        assert!(events(std::str::from_utf8(address).unwrap()).is_some());
        assert!(parameters("ListEvents", body).is_some() && Validity::of(der).is_some());
        assert!(parameters("EnrollFromCamera", read[1][3]).is_some());
        assert!(matches!(validities(read[1][4]).as_slice(), [Some(_)]));
        assert!(parameters("ActivateModels", read[2][3]).is_some());
    }
}
