import numpy as np

from apalu_ref.studies.models.mobilenet import mobilenet

from .common import check_counts, conv_norm, layers, linear, norm, relu

# The outputs of the thirteen pairs of convolutions (Howard et al. 2017, table 1).
OUT = (64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)


def table():
    counts, channels, before = conv_norm(3, 32, 3), [32], 32
    for after in OUT:
        counts += [9 * before, norm(before), *conv_norm(before, after, 1)]
        channels += [before, after]
        before = after
    return [*counts, linear(before, 1000)], channels


def test_published_count():
    expected, channels = table()
    assert check_counts(lambda a: mobilenet(a, 1000), expected, channels) == 4_231_976


def test_cifar_stem_has_the_same_parameters():
    assert layers(mobilenet(relu, 1000, stem="cifar")) == table()[0]


def test_width_multiplier_of_the_paper():
    """Table 6 of the paper: 2.6, 1.3 and 0.5 million parameters."""
    for width, millions in ((0.75, 2.6), (0.5, 1.3), (0.25, 0.5)):
        assert round(sum(layers(mobilenet(relu, 1000, width=width))) / 1e6, 1) == millions


def test_depth_leaves_one_block_at_each_resolution():
    network = mobilenet(relu, 10, width=0.125, depth=0.3)
    assert [len(network[k]) for k in range(1, 6)] == [1, 1, 1, 2, 1]


def test_image_sizes():
    for stem, size, sides in (
        ("imagenet", 224, [112, 56, 28, 14, 7]),
        ("cifar", 32, [32, 16, 8, 4, 2]),
    ):
        x = np.zeros((1, 3, size, size), np.float32)
        seen = []
        for part in mobilenet(relu, 10, width=0.05, depth=0.1, stem=stem):
            x = part(x)
            seen.append(x.shape[2:])
        assert seen[1:6] == [(side, side) for side in sides]
