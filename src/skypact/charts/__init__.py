"""Pictures that explain themselves: flights on a map, and each nation beside all together.

| module | what it does |
| --- | --- |
| `flights` | the picture of `skypact track` |
| `comparison` | the picture of `skypact compare` |
| `biases` | the picture of `skypact register` |
| `launches` | the picture of `skypact record draw` |
| `paths` | where each track went |
| `ground` | the map under the paths |
| `labels` | labels that cover neither each other nor what they name |
| `parts` | what both pictures are made of |
"""

from skypact.charts.biases import draw_biases
from skypact.charts.comparison import draw_comparison
from skypact.charts.flights import draw_flights
from skypact.charts.paths import GroundPaths

__all__ = ["GroundPaths", "draw_biases", "draw_comparison", "draw_flights"]
