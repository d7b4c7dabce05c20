"""A window on an activation: move its parameters, see the curve, its slope, kinks and moments.

* :mod:`~apalu_ref.properties.explore.view`: what is shown of it at given parameters
* :mod:`~apalu_ref.properties.explore.scale`: how far a slider goes
* :mod:`~apalu_ref.properties.explore.knob`: a slider, and the box beside it to type into
* :mod:`~apalu_ref.properties.explore.panels`: the two panels and the numbers
* :mod:`~apalu_ref.properties.explore.blit`: drawing again only what moves
* :mod:`~apalu_ref.properties.explore.window`: what can be done in it, and its keys
* :mod:`~apalu_ref.properties.explore.screen`: how it comes to the screen
"""
