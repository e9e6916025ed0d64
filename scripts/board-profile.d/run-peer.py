"""Runs networks on another runtime, on the emulated processor: run-peer.py RUNTIME RUNS FILE:SHAPE...

For each network it marks the begin, the end of RUNS runs, and the end of twice as many more, for the plugin count-blocks. A shape is
CHANNELSxHEIGHTxWIDTH.
"""
import os
import sys

# See count-blocks.c.
MARK = -4242
WARM_UP_RUNS = 3


def mark():
    try:
        os.close(MARK)
    except OSError:
        pass


def ncnn(file, channels, height, width):
    from ncnn import ncnn
    net = ncnn.Net()
    net.opt.num_threads = 1
    net.load_param(file + ".param")
    net.load_model(file + ".bin")
    picture = ncnn.Mat(width, height, channels)
    picture.fill(0.5)
    outputs = net.output_names()

    def run():
        extractor = net.create_extractor()
        extractor.input("in0", picture)
        for name in outputs:
            result, _ = extractor.extract(name)
            assert result == 0
    run.net = net
    return run


def onnxruntime(file, channels, height, width):
    import numpy
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    input = session.get_inputs()[0]
    kind = numpy.uint8 if "uint8" in input.type else numpy.float32
    picture = {input.name: numpy.full((1, channels, height, width), 1, kind)}
    return lambda: session.run(None, picture)


def litert(file, channels, height, width):
    import numpy
    from ai_edge_litert.interpreter import Interpreter
    interpreter = Interpreter(model_path=file, num_threads=1)
    interpreter.allocate_tensors()
    number = interpreter.get_input_details()[0]["index"]
    interpreter.set_tensor(number, numpy.full((1, height, width, channels), 0.5, numpy.float32))
    return interpreter.invoke


def main():
    make, runs = {"ncnn": ncnn, "onnxruntime": onnxruntime, "litert": litert}[sys.argv[1]], int(sys.argv[2])
    for network in sys.argv[3:]:
        file, shape = network.rsplit(":", 1)
        run = make(file, *map(int, shape.split("x")))
        for _ in range(WARM_UP_RUNS):
            run()
        mark()
        for _ in range(runs):
            run()
        mark()
        for _ in range(2 * runs):
            run()
        mark()


main()
