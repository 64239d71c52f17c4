"""The Northern Limit Line, as public descriptions of it have its corners.

Between the Republic of Korea and the north, since 1953; longitude and latitude in degrees, from
west to east, good to a few km. It is no agreed boundary.
"""

NORTHERN_LIMIT_LINE_WEST = (
    (124.63, 38.05), (124.85, 38.0), (124.87, 37.77), (125.05, 37.64), (125.24, 37.58),
    (125.52, 37.68), (125.67, 37.69), (125.75, 37.71), (126.02, 37.66), (126.11, 37.71),
)  # fmt: skip
"""In the West Sea."""

NORTHERN_LIMIT_LINE_EAST = ((128.36, 38.613), (132.6, 38.613))
"""In the sea to the east: the parallel of 38°37' N, as public maps draw it."""
