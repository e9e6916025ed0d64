//! Small files that exceed the limits, and the shipped networks, which do not.

use std::fs;

use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto};
use tract_onnx::prelude::*;

use super::{check_bytes, check_shapes, check_tensors};

/// A file with the input `x` and these nodes: operator, inputs, output, attributes.
fn file(nodes: &[(&str, &[&str], &str, Vec<AttributeProto>)], tensors: Vec<TensorProto>) -> ModelProto {
    let node =
        |(operator, inputs, output, attribute): &(&str, &[&str], &str, Vec<AttributeProto>)| NodeProto {
            name: format!("the {output}"),
            op_type: (*operator).into(),
            input: inputs.iter().map(|input| (*input).to_owned()).collect(),
            output: vec![(*output).into()],
            attribute: attribute.clone(),
            ..Default::default()
        };
    let value = |name: &str| ValueInfoProto { name: name.into(), ..Default::default() };
    let graph = GraphProto {
        node: nodes.iter().map(node).collect(),
        initializer: tensors,
        input: vec![value("x")],
        output: vec![value(nodes.last().unwrap().2)],
        ..Default::default()
    };
    ModelProto { graph: Some(graph), ..Default::default() }
}

fn tensor(name: &str, dims: &[i64], kind: DataType, raw_data: Vec<u8>) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: dims.into(),
        data_type: kind as i32,
        raw_data,
        ..Default::default()
    }
}

fn sizes(name: &str, values: &[i64]) -> TensorProto {
    let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    tensor(name, &[values.len() as i64], DataType::Int64, bytes)
}

fn floats(name: &str, dims: &[i64]) -> TensorProto {
    tensor(name, dims, DataType::Float, vec![0; 4 * dims.iter().product::<i64>() as usize])
}

fn ints(name: &str, ints: &[i64]) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        r#type: AttributeType::Ints as i32,
        ints: ints.into(),
        ..Default::default()
    }
}

fn int(name: &str, i: i64) -> AttributeProto {
    AttributeProto { name: name.into(), r#type: AttributeType::Int as i32, i, ..Default::default() }
}

/// The reason why a file is refused for a picture of 112x112 pixels.
fn refusal(file: &ModelProto) -> String {
    check_tensors(file).and_then(|()| check_shapes(file, &[1, 3, 112, 112])).unwrap_err().to_string()
}

#[test]
fn shipped_networks_are_within_the_limits_for_all_picture_sizes() {
    for (role, shape) in [
        ("pnet", [1, 3, 12, 12]),
        // The largest picture that is read, resized for the smallest face.
        ("pnet", [1, 3, 3675, 4900]),
        ("pnet-int8", [1, 3, 3675, 4900]),
        ("rnet", [16, 3, 24, 24]),
        ("rnet-int8", [16, 3, 24, 24]),
        ("onet", [16, 3, 48, 48]),
        ("mobilefacenet", [4, 3, 112, 112]),
        ("mobilefacenet-int8", [4, 3, 112, 112]),
    ] {
        let bytes = fs::read(format!("{}/../../models/{role}.onnx", env!("CARGO_MANIFEST_DIR"))).unwrap();
        check_bytes(&bytes).unwrap();
        let file = tract_onnx::onnx().proto_model_for_read(&mut &bytes[..]).unwrap();
        check_tensors(&file).unwrap();
        check_shapes(&file, &shape).unwrap_or_else(|error| panic!("{role} at {shape:?}: {error}"));
    }
}

#[test]
fn a_tensor_must_have_the_data_of_its_shape() {
    let of = |tensor: TensorProto| refusal(&file(&[("Relu", &["x"], "y", vec![])], vec![tensor]));
    let wraps = of(tensor("weights", &[1 << 32, 1 << 31, 2], DataType::Int8, vec![]));
    assert!(wraps.contains("tensor weights") && wraps.contains("more than"), "{wraps}");
    assert!(of(tensor("weights", &[-1, 4], DataType::Int8, vec![0; 4])).contains("negative"));
    assert!(
        of(tensor("weights", &[2, 2], DataType::Int8, vec![0; 3]))
            .contains("has 4 elements, and its data has 3")
    );
    assert!(of(tensor("weights", &[1], DataType::Float, vec![0; 5])).contains("not a multiple of 4"));
    assert!(of(tensor("weights", &[1; 9], DataType::Int8, vec![0])).contains("more than 8 dimensions"));
    assert!(of(tensor("weights", &[1], DataType::String, vec![])).contains("String"));
    let elsewhere = TensorProto { data_location: Some(1), ..floats("weights", &[1]) };
    assert!(of(elsewhere).contains("another file"));
    let typed = TensorProto { raw_data: vec![], float_data: vec![0.0; 3], ..floats("weights", &[4]) };
    assert!(of(typed).contains("its data has 3"));
}

#[test]
fn operators_with_huge_results_are_refused() {
    let of = |operator: &str, inputs: &[&str], tensors: Vec<TensorProto>, attributes: Vec<AttributeProto>| {
        let why = refusal(&file(&[(operator, inputs, "y", attributes)], tensors));
        assert!(why.contains("the y") && why.contains(operator), "{why}");
        why
    };
    let side = 200_000;
    of("Pad", &["x", "p"], vec![sizes("p", &[0, 0, side, side, 0, 0, side, side])], vec![]);
    of("Pad", &["x"], vec![], vec![ints("pads", &[0, 0, side, side, 0, 0, side, side])]);
    of("ConstantOfShape", &["s"], vec![sizes("s", &[side, side])], vec![]);
    of("ConstantOfShape", &["s"], vec![sizes("s", &[i64::MAX, i64::MAX, 4])], vec![]);
    of("Expand", &["x", "s"], vec![sizes("s", &[side, 3, 112, 112])], vec![]);
    of("Tile", &["x", "s"], vec![sizes("s", &[1, side, side, 1])], vec![]);
    of("Range", &["a", "b", "c"], vec![sizes("a", &[0]), sizes("b", &[i64::MAX]), sizes("c", &[1])], vec![]);
    let scales = |scale: f32| {
        let bytes = [1.0, 1.0, scale, scale].iter().flat_map(|value: &f32| value.to_le_bytes()).collect();
        vec![tensor("s", &[4], DataType::Float, bytes)]
    };
    of("Resize", &["x", "", "s"], scales(1e4), vec![]);
    of("Upsample", &["x", "s"], scales(1e4), vec![]);
    of("Resize", &["x", "", "s"], scales(f32::NAN), vec![]);
    of("Conv", &["x", "w"], vec![floats("w", &[1, 3, 3, 3])], vec![ints("pads", &[60_000; 4])]);
    of("Conv", &["x", "w"], vec![floats("w", &[1, 3, 3, 3])], vec![ints("pads", &[i64::MAX; 4])]);
    of("Conv", &["x", "w"], vec![floats("w", &[1, 3, 200, 200])], vec![]);
    of("Reshape", &["x", "s"], vec![sizes("s", &[side, side])], vec![]);
    of("Gather", &["x", "i"], vec![tensor("i", &[4000, 4000], DataType::Int8, vec![0; 16_000_000])], vec![]);
    // Sizes that depend on the pixels.
    of("ConstantOfShape", &["x"], vec![], vec![]);
    of("Loop", &["x"], vec![], vec![]);
}

#[test]
fn an_operator_on_channels_needs_channels() {
    for operator in
        ["BatchNormalization", "InstanceNormalization", "LRN", "MeanVarianceNormalization", "GlobalMaxPool"]
    {
        for flat in [&[][..], &[112]] {
            let nodes: [(_, &[&str], _, _); 1] = [(operator, &["a", "a", "a", "a", "a"], "y", vec![])];
            let why = refusal(&file(&nodes, vec![floats("a", flat)]));
            assert!(why.contains(operator) && why.contains("channels"), "{why}");
        }
    }
}

#[test]
fn exponential_growth_is_refused() {
    let names: Vec<String> =
        std::iter::once("x".to_owned()).chain((0..40).map(|step| format!("y{step}"))).collect();
    let inputs: Vec<[&str; 2]> = names.iter().map(|name| [name.as_str(); 2]).collect();
    let concat = |step: usize| ("Concat", &inputs[step][..], names[step + 1].as_str(), vec![int("axis", 1)]);
    let nodes: Vec<_> = (0..40).map(concat).collect();
    assert!(refusal(&file(&nodes, vec![])).contains("Concat"));

    // Small tensors that are broadcast to each other.
    let node = |shape: [i64; 4], name: &str| (floats(name, &shape), name.to_owned());
    let (tensors, _): (Vec<_>, Vec<_>) =
        [node([1000, 1, 1, 1], "a"), node([1, 1000, 1, 1], "b"), node([1, 1, 1000, 1], "c")]
            .into_iter()
            .unzip();
    let nodes: [(&str, &[&str], &str, Vec<AttributeProto>); 2] =
        [("Add", &["a", "b"], "d", vec![]), ("Mul", &["d", "c"], "e", vec![])];
    assert!(refusal(&file(&nodes, tensors)).contains("[1000, 1000, 1000, 1]"));
}

#[test]
fn too_many_multiplications_and_too_many_live_values_are_refused() {
    // A thousand times the multiplications of a network with hundreds of layers.
    let weights = vec![floats("w", &[512, 3, 1, 1]), floats("v", &[512, 512, 3, 3])];
    let names: Vec<String> = (0..40).map(|step| format!("y{step}")).collect();
    let mut nodes: Vec<(&str, Vec<&str>, &str, Vec<AttributeProto>)> =
        vec![("Conv", vec!["x", "w"], &names[0], vec![])];
    for step in 1..40 {
        let pads = vec![ints("pads", &[1; 4])];
        nodes.push(("Conv", vec![&names[step - 1], "v"], &names[step], pads));
    }
    let nodes: Vec<_> = nodes.iter().map(|(a, b, c, d)| (*a, &b[..], *c, d.clone())).collect();
    let why = refusal(&file(&nodes, weights));
    assert!(why.contains("multiplications"), "{why}");

    // Each value is allowed alone, but all are needed at the end.
    let names: Vec<String> = (0..60).map(|step| format!("y{step}")).collect();
    let pad = ints("pads", &[0, 0, 2000, 2000, 0, 0, 2000, 2000]);
    let mut nodes: Vec<_> =
        names.iter().map(|name| ("Pad", &["x"][..], name.as_str(), vec![pad.clone()])).collect();
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    nodes.push(("Sum", &all, "sum", vec![]));
    let why = refusal(&file(&nodes, vec![]));
    assert!(why.contains("at the same time"), "{why}");
}

#[test]
fn computed_shapes_are_evaluated() {
    // PyTorch exports `x.view(x.shape[0], -1)` like this. The second graph has a shape that is too large.
    let flatten = |factor: i64| {
        let nodes: [(&str, &[&str], &str, Vec<AttributeProto>); 5] = [
            ("Shape", &["x"], "shape", vec![]),
            ("Gather", &["shape", "first"], "batch", vec![int("axis", 0)]),
            ("Mul", &["batch", "factor"], "rows", vec![]),
            ("Concat", &["rows", "rest"], "to", vec![int("axis", 0)]),
            ("Expand", &["one", "to"], "y", vec![]),
        ];
        let tensors = vec![
            sizes("first", &[0]),
            sizes("factor", &[factor]),
            sizes("rest", &[2]),
            floats("one", &[1, 1]),
        ];
        file(&nodes, tensors)
    };
    check_shapes(&flatten(5), &[1, 3, 112, 112]).unwrap();
    assert!(refusal(&flatten(1 << 40)).contains("the y"));
}

#[test]
fn a_small_file_that_decodes_to_many_structures_is_refused() {
    /// A length-delimited field.
    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![number << 3 | 2];
        let mut length = content.len();
        while length >= 0x80 {
            bytes.push(length as u8 | 0x80);
            length >>= 7;
        }
        bytes.push(length as u8);
        [bytes, content.to_vec()].concat()
    }
    let refusal = |graph: Vec<u8>| check_bytes(&field(7, &graph)).unwrap_err().to_string();
    // Half a million empty nodes, or attributes, of two bytes each.
    assert!(refusal(field(1, &[]).repeat(500_000)).contains("parts"));
    assert!(refusal(field(1, &field(5, &[]).repeat(500_000))).contains("parts"));
    // A declared type with millions of dimensions.
    assert!(refusal(field(11, &field(1, &[]).repeat(5_000_000))).contains("declarations"));
    let nested = (0..40).fold(Vec::new(), |graph, _| field(1, &field(5, &field(6, &graph))));
    assert!(refusal(nested).contains("deeply"));
    // The decoder refuses truncated and invalid messages.
    for bytes in [&b""[..], b"not a model", &[0xff; 100], &[0x3a, 0x7f, 1]] {
        check_bytes(bytes).unwrap();
    }
}
