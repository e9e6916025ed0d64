//! The configuration: a file, environment variables, and flags.

use ostiary_config::{Hours, Layers, examine, load};

use super::files::{folder_with, repository_file};
use super::{Target, joined, parts};

pub const TARGET: Target = Target {
    name: "config",
    about: "the configuration: its file, the environment, --set",
    run,
    seeds,
    dictionary: &[
        b"[camera]\n",
        b"[door]\n",
        b"[hours]\n",
        b"[relay]\n",
        b"[mqtt]\n",
        b"[inputs]\n",
        b"[models]\n",
        b"[log]\n",
        b"source = ",
        b"region = [0, 0, 1, 1]\n",
        b"rotate = 90\n",
        b"staff = [\"mon-fri 08:00-18:00\"]\n",
        b"\"always\"",
        b"\"sun-mon 23:59-00:00\"",
        b"24:00",
        b"true",
        b"nan",
        b"1979-05-27T07:32:00Z",
        b"\"\"\"",
        b"'''",
        b"[[",
        b"]]",
        b"{",
        b"}",
        b"#",
        b"\\U0010FFFF",
        b"a.b.c=",
        b"OSTIARY_",
        b"__",
        b"=",
        b"\n",
    ],
    max_len: 24 << 10,
};

/// The input: lines for `--set`, environment variables as lines `NAME=VALUE`, and the file.
fn run(data: &[u8]) {
    let [set, environment, file] = parts(data);
    let folder = folder_with(&[("ostiary.toml", file)]);
    let lines = |text: &[u8]| String::from_utf8_lossy(text).lines().map(str::to_owned).collect::<Vec<_>>();
    let variable =
        |line: String| line.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    let layers = Layers {
        folder: folder.path().to_owned(),
        environment: lines(environment).into_iter().filter_map(variable).collect(),
        set: lines(set),
        ..Layers::default()
    };
    match (examine(&layers), load(&layers)) {
        (Ok((examined, problems)), loaded) => {
            assert_eq!(problems.is_empty(), loaded.is_ok());
            assert!(problems.iter().all(|problem| !problem.to_string().is_empty()));
            let Ok(loaded) = loaded else { return };
            assert_eq!(loaded.config, examined.config);
            Hours::parse(&loaded.config.hours)
                .map_or_else(|error| panic!("the accepted hours cannot be parsed: {error}"), drop);
        }
        (Err(error), loaded) => assert!(loaded.is_err() && !error.to_string().is_empty()),
    }
}

fn seeds() -> anyhow::Result<Vec<Vec<u8>>> {
    let shipped = repository_file("config/ostiary.toml")?;
    // In the shipped file each key is in a comment.
    let is_key = |line: &str| line.contains(" = ") && !line.starts_with("# ") && line.starts_with('#');
    let text = std::str::from_utf8(&shipped)?;
    let lines = text.lines().filter(|line| line.starts_with('[') || is_key(line));
    let every_key: Vec<&str> = lines.map(|line| line.trim_start_matches('#')).collect();
    let every_key = every_key.join("\n");
    let set = b"camera.source=/dev/video7\nrelay.line = 17\nhours.staff=[\"sat 10:00-12:00\"]";
    let environment = b"OSTIARY_DOOR__FPIR=0.003\nOSTIARY_MQTT__HOST=broker\nOSTIARY_DOOR_FPIR=1\nPATH=/bin";
    Ok(vec![
        joined(&[b"", b"", &shipped])?,
        joined(&[b"", b"", every_key.as_bytes()])?,
        joined(&[set, environment, b"[door]\nname = \"front\"\n"])?,
    ])
}
