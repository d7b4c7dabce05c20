"""Every op's rules against finite differences, in first and second order."""

import pytest

from minigrad.gradcheck import gradcheck, gradgradcheck

from .samples import SAMPLES


@pytest.mark.parametrize("name", SAMPLES)
def test_first_order(name):
    sample = SAMPLES[name]
    result = gradcheck(sample.f, sample.inputs)
    assert result.checked == sum(x.size for x in sample.inputs)
    assert not result.kinks


@pytest.mark.parametrize("name", SAMPLES)
def test_second_order(name):
    sample = SAMPLES[name]
    assert not gradgradcheck(sample.f, sample.inputs).kinks
