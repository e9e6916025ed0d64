//! The output of ffmpeg and ffprobe: a sequence of binary PPM pictures, and JSON about a video.

use ostiary_capture::{read_ppm, read_probe};
use ostiary_core::Frame;

use super::Target;

pub const TARGET: Target = Target {
    name: "ffmpeg",
    about: "the output of ffmpeg (PPM) and ffprobe (JSON)",
    run,
    seeds,
    dictionary: &[
        b"P6\n",
        b"255\n",
        b"\n",
        b"streams",
        b"width",
        b"height",
        b"avg_frame_rate",
        b"r_frame_rate",
        b"duration",
        b"rotation",
        b"tags",
        b"rotate",
        b"side_data_list",
        b"format",
        b"null",
        b"[[[[",
        b"{\"a\":",
        b"\"1/0\"",
        b"\"N/A\"",
    ],
    max_len: 8 << 10,
};

fn run(data: &[u8]) {
    let mut stream = data;
    let mut frame = Frame::default();
    while let Ok(true) = read_ppm(&mut stream, &mut frame) {
        assert!(!frame.rgb().is_empty());
    }
    if let Ok(answer) = serde_json::from_slice(data)
        && let Ok(probe) = read_probe(&answer)
    {
        assert!(probe.width > 0 && probe.height > 0 && probe.fps > 0.0 && probe.fps.is_finite(), "{probe:?}");
    }
}

fn seeds() -> anyhow::Result<Vec<Vec<u8>>> {
    let texts = [
        "P6\n2 1\n255\nabcdefP6\n1 2\n255\nghijkl",
        r#"{"streams": [{"width": 640, "height": 360, "avg_frame_rate": "30000/1001", "duration": "2.5",
            "side_data_list": [{}, {"rotation": -90}]}], "format": {"duration": "9"}}"#,
        r#"{"streams": [{"width": 1, "height": 1, "r_frame_rate": "0/0", "tags": {"rotate": "180"}}]}"#,
    ];
    Ok(texts.map(|text| text.as_bytes().to_vec()).to_vec())
}
