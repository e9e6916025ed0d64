"""Converts the product's networks (ONNX) into the formats of the other runtimes:

    convert.py MODEL.onnx CHANNELSxHEIGHTxWIDTH FOLDER

writes NAME.ncnn.param and .bin (by pnnx), NAME-int8.ncnn.param and .bin, and NAME.tflite into the folder. Only what these networks
have is converted: convolutions, PReLU, sums, maximum pooling, products with a matrix, softmax.

The int8 networks for ncnn have the form that ncnn's own tool (ncnn2int8) gives them, but arbitrary scales of the activations: the
number of instructions does not depend on them, and the results are not used.
"""
import importlib.util
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import flatbuffers
import numpy
import onnx
from onnx import numpy_helper


def to_ncnn(model, shape, folder):
    """Converts a network with pnnx."""
    copy = folder / f"{model.stem}.onnx"
    shutil.copyfile(model, copy)
    size = ",".join(["1", *map(str, shape)])
    # Importing the package would import torch.
    program = Path(importlib.util.find_spec("pnnx").origin).with_name("pnnx")
    subprocess.run([program, copy, f"inputshape=[{size}]", "fp16=0"], check=True, capture_output=True, cwd=folder)
    return folder / f"{model.stem}.ncnn"


# What ncnn stores before 8-bit weights.
INT8_WEIGHTS = 0x000D4B38
ACTIVATION_SCALE = 64.0


def to_ncnn_int8(network):
    """Quantizes the convolutions and products of a network for ncnn."""
    lines = Path(f"{network}.param").read_text().splitlines()
    weights, place = Path(f"{network}.bin").read_bytes(), 0
    name = network.name.removesuffix(".ncnn")
    inputs = {}
    for line in lines[2:]:
        kind, _, count, _, *rest = line.split()
        inputs.update({blob: kind for blob in rest[:int(count)]})
    out = []

    def floats(number):
        nonlocal place
        place += 4 * number
        return numpy.frombuffer(weights, "<f4", number, place - 4 * number)

    for index, line in enumerate(lines[2:], 2):
        kind, _, inputs_number, outputs_number, *rest = line.split()
        blobs = int(inputs_number) + int(outputs_number)
        output = rest[blobs - 1]
        parameters = dict(word.split("=") for word in rest[blobs:])
        if kind == "PReLU":
            out.append(floats(int(parameters["0"])).tobytes())
        if kind not in ("Convolution", "ConvolutionDepthWise", "InnerProduct"):
            continue
        channels = int(parameters["0"])
        size, has_bias = (int(parameters["2"]), parameters["1"]) if kind == "InnerProduct" else (int(parameters["6"]), parameters["5"])
        assert floats(1).view("<u4")[0] == 0, "only floats can be quantized"
        matrix = floats(size).reshape(channels, -1)
        scales = (127 / numpy.maximum(abs(matrix).max(axis=1), 1e-6)).astype("<f4")
        quantized = numpy.rint(matrix * scales[:, None]).clip(-127, 127).astype(numpy.int8).tobytes()
        out += [struct.pack("<I", INT8_WEIGHTS), quantized, bytes(-len(quantized) % 4)]
        if has_bias == "1":
            out.append(floats(channels).tobytes())
        activation = struct.pack("<f", ACTIVATION_SCALE)
        out += [scales.tobytes(), activation]
        term = 1 if kind == "ConvolutionDepthWise" else 2
        # Directly before another convolution the result is quantized at once.
        if kind != "InnerProduct" and inputs.get(output, "").startswith("Convolution"):
            term += 100
            out.append(activation)
        lines[index] += f" 8={term}"
    assert place == len(weights), (place, len(weights))
    quantized = network.with_name(f"{name}-int8.ncnn")
    Path(f"{quantized}.param").write_text("\n".join(lines) + "\n")
    Path(f"{quantized}.bin").write_bytes(b"".join(out))


def to_tflite(model, shape, file):
    """Writes a network in the format of TensorFlow Lite, in floats."""
    import schema_py_generated as schema
    graph = onnx.load(model).graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    network, part = schema.ModelT(), schema.SubGraphT()
    part.tensors, part.operators, buffers, codes = [], [], [schema.BufferT()], []
    # The number and the shape of each tensor that exists.
    numbers, shapes = {}, {}
    # Products that wait for their sum: both are one operator.
    products = {}

    def tensor(name, shape, values=None):
        new = schema.TensorT()
        new.name, new.shape, new.type, new.buffer = name.encode(), [int(size) for size in shape], schema.TensorType.FLOAT32, 0
        if values is not None:
            buffer = schema.BufferT()
            values = numpy.ascontiguousarray(values)
            new.type = schema.TensorType.INT32 if values.dtype == numpy.int32 else schema.TensorType.FLOAT32
            buffer.data, new.buffer = numpy.frombuffer(values.tobytes(), numpy.uint8), len(buffers)
            buffers.append(buffer)
        part.tensors.append(new)
        numbers[name], shapes[name] = len(part.tensors) - 1, list(new.shape)
        return numbers[name]

    def constant(name, values):
        return tensor(name, values.shape, values if values.dtype == numpy.int32 else values.astype(numpy.float32))

    def operator(kind, inputs, output, shape, options=None, options_kind=0):
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = kind
        code.version = 1
        if kind not in [known.builtinCode for known in codes]:
            codes.append(code)
        new = schema.OperatorT()
        new.opcodeIndex = [known.builtinCode for known in codes].index(kind)
        new.inputs, new.outputs = inputs, [tensor(output, shape)]
        new.builtinOptions, new.builtinOptionsType = options, options_kind
        part.operators.append(new)

    def size_of(input, kernel, stride, padding, up=False):
        span = input + padding - kernel
        return (-(-span // stride) if up else span // stride) + 1

    def padded(name, pads, fill):
        """The tensor with a border of top, left, bottom, right; the same one without a border."""
        if not any(pads):
            return name
        top, left, bottom, right = pads
        batch, height, width, channels = shapes[name]
        border = constant(f"{name}/border", numpy.array([[0, 0], [top, bottom], [left, right], [0, 0]], numpy.int32))
        value = constant(f"{name}/fill", numpy.array([fill], numpy.float32))
        kind = schema.BuiltinOperator.PADV2 if fill else schema.BuiltinOperator.PAD
        options = (schema.PadV2OptionsT(), schema.BuiltinOptions.PadV2Options) if fill else (schema.PadOptionsT(), schema.BuiltinOptions.PadOptions)
        operator(kind, [numbers[name], border] + ([value] if fill else []), f"{name}/padded",
                 [batch, height + top + bottom, width + left + right, channels], *options)
        return f"{name}/padded"

    channels, height, width = shape
    tensor(graph.input[0].name, [1, height, width, channels])
    for node in graph.node:
        attributes = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
        output, source = node.output[0], node.input[0]
        kernel, strides = attributes.get("kernel_shape"), attributes.get("strides", [1, 1])
        pads = attributes.get("pads", [0, 0, 0, 0])
        if attributes.get("auto_pad") == b"SAME_UPPER":
            missing = [max((-(-size // s) - 1) * s + k - size, 0) for size, k, s in zip(shapes[source][1:3], kernel, strides)]
            pads = [*(size // 2 for size in missing), *(size - size // 2 for size in missing)]
        if node.op_type == "Conv":
            weights = constants[node.input[1]]
            bias = constants[node.input[2]] if len(node.input) > 2 else numpy.zeros(len(weights), numpy.float32)
            groups, kernel = attributes.get("group", 1), weights.shape[2:]
            _, height, width, inputs = shapes[source]
            new = [1, *(size_of(size, k, s, a + b) for size, k, s, a, b in
                        zip((height, width), kernel, strides, pads[:2], pads[2:])), len(weights)]
            # "Same" padding is a part of the operator where it means the same.
            same = [max((-(-size // s) - 1) * s + k - size, 0) for size, k, s in zip((height, width), kernel, strides)]
            is_same = [same[0] // 2, same[1] // 2, same[0] - same[0] // 2, same[1] - same[1] // 2] == list(pads)
            if not is_same:
                source = padded(source, pads, 0)
            is_depthwise = groups > 1
            options = schema.DepthwiseConv2DOptionsT() if is_depthwise else schema.Conv2DOptionsT()
            options.padding = schema.Padding.SAME if is_same and any(pads) else schema.Padding.VALID
            options.strideH, options.strideW = strides
            options.dilationHFactor = options.dilationWFactor = 1
            if is_depthwise:
                assert groups == inputs == len(weights)
                options.depthMultiplier = 1
                weights = weights.transpose(1, 2, 3, 0)
                kind, options_kind = schema.BuiltinOperator.DEPTHWISE_CONV_2D, schema.BuiltinOptions.DepthwiseConv2DOptions
            else:
                weights = weights.transpose(0, 2, 3, 1)
                kind, options_kind = schema.BuiltinOperator.CONV_2D, schema.BuiltinOptions.Conv2DOptions
            operator(kind, [numbers[source], constant(f"{output}/weights", weights), constant(f"{output}/bias", bias)], output, new,
                     options, options_kind)
        elif node.op_type == "PRelu":
            operator(schema.BuiltinOperator.PRELU, [numbers[source], constant(f"{output}/slopes", constants[node.input[1]].ravel())],
                     output, shapes[source])
        elif node.op_type == "MaxPool":
            _, height, width, channels = shapes[source]
            up = bool(attributes.get("ceil_mode", 0))
            rows, columns = (size_of(size, k, s, a + b, up) for size, k, s, a, b in
                             zip((height, width), kernel, strides, pads[:2], pads[2:]))
            # The border that the last windows need.
            bottom, right = (max((n - 1) * s + k - size - a, 0) for n, s, k, size, a in
                             zip((rows, columns), strides, kernel, (height, width), pads[:2]))
            source = padded(source, [pads[0], pads[1], bottom, right], -3e38)
            options = schema.Pool2DOptionsT()
            options.padding, (options.strideH, options.strideW) = schema.Padding.VALID, strides
            options.filterHeight, options.filterWidth = kernel
            operator(schema.BuiltinOperator.MAX_POOL_2D, [numbers[source]], output, [1, rows, columns, channels], options,
                     schema.BuiltinOptions.Pool2DOptions)
        elif node.op_type == "MatMul" or node.op_type == "Add" and node.input[1] in constants and node.input[0] in products:
            if node.op_type == "MatMul":
                products[output] = source, constants[node.input[1]]
                continue
            source, matrix = products[node.input[0]]
            options = schema.FullyConnectedOptionsT()
            inputs = [numbers[source], constant(f"{output}/weights", matrix.T), constant(f"{output}/bias", constants[node.input[1]].ravel())]
            operator(schema.BuiltinOperator.FULLY_CONNECTED, inputs, output, [1, matrix.shape[1]], options,
                     schema.BuiltinOptions.FullyConnectedOptions)
        elif node.op_type == "Add":
            operator(schema.BuiltinOperator.ADD, [numbers[source], numbers[node.input[1]]], output, shapes[source],
                     schema.AddOptionsT(), schema.BuiltinOptions.AddOptions)
        elif node.op_type == "Flatten":
            # The order of the values differs from that in ONNX, which does not change the instructions.
            length = int(numpy.prod(shapes[source]))
            options = schema.ReshapeOptionsT()
            options.newShape = [1, length]
            operator(schema.BuiltinOperator.RESHAPE, [numbers[source], constant(f"{output}/shape", numpy.array([1, length], numpy.int32))],
                     output, [1, length], options, schema.BuiltinOptions.ReshapeOptions)
        elif node.op_type == "Softmax":
            options = schema.SoftmaxOptionsT()
            options.beta = 1.0
            operator(schema.BuiltinOperator.SOFTMAX, [numbers[source]], output, shapes[source], options,
                     schema.BuiltinOptions.SoftmaxOptions)
        else:
            raise SystemExit(f"{model}: {node.op_type} cannot be converted to TensorFlow Lite")
    part.inputs, part.outputs = [numbers[graph.input[0].name]], [numbers[output.name] for output in graph.output]
    network.version, network.subgraphs, network.buffers, network.operatorCodes = 3, [part], buffers, codes
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(network.Pack(builder), b"TFL3")
    file.write_bytes(builder.Output())


def main():
    model, shape, folder = Path(sys.argv[1]), [int(size) for size in sys.argv[2].split("x")], Path(sys.argv[3])
    to_ncnn_int8(to_ncnn(model, shape, folder))
    to_tflite(model, shape, folder / f"{model.stem}.tflite")


main()
