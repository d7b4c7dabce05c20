"""MobileNet on CIFAR-10."""

from apalu_ref.studies import cifar10
from apalu_ref.studies.models.mobilenet import mobilenet

STUDY = cifar10.study(
    "mobilenet",
    "MobileNet on CIFAR-10",
    mobilenet,
    {
        "smoke": cifar10.SMOKE,
        "quick": cifar10.quick(width=0.25, depth=0.5, epochs=6),
        "full": cifar10.FULL,
    },
    "The network is MobileNet v1 (Howard et al. 2017), made for 32x32 pixels by a first stride of "
    "1; multipliers of its width and depth make it smaller, at 1.0 it counts as published.",
)
