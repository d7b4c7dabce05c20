"""ResNet-50 on CIFAR-10."""

from apalu_ref.studies import cifar10
from apalu_ref.studies.models.resnet import resnet50

STUDY = cifar10.study(
    "resnet50",
    "ResNet-50 on CIFAR-10",
    resnet50,
    {
        "smoke": cifar10.SMOKE,
        "quick": cifar10.quick(width=0.125, depth=0.2),
        "full": cifar10.FULL,
    },
    "The network is ResNet-50 (He et al. 2015), made for 32x32 pixels by a 3x3 first convolution "
    "without stride or pooling; multipliers of its width and depth make it smaller, at 1.0 it "
    "counts as published.",
)
