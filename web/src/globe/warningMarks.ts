/** Areas under alert, the fuller the likelier it comes down there or passes over. */
import { Material, PolylineCollection, type Scene } from "@cesium/engine";
import type { Warning } from "../api/contract";
import type { Theme } from "../look/theme";
import { chance } from "../picture/warned";
import { AreaFill } from "./areaFill";
import { colour, ringPoints } from "./places";

/** Of how much an area is filled: at a probability of nothing, and what certainty adds to it. */
const LEAST_FILL = 0.12;
const MORE_FILL = 0.45;

export class WarningMarks {
  readonly #lines: PolylineCollection;
  #fills: AreaFill[] = [];

  constructor(private readonly scene: Scene) {
    this.#lines = scene.primitives.add(new PolylineCollection());
  }

  show(warnings: readonly Warning[], theme: Theme): void {
    this.#lines.removeAll();
    for (const fill of this.#fills) fill.end();
    this.#fills = [];
    for (const area of warnings.filter((one) => one.in_force).flatMap((one) => one.areas)) {
      for (const [ring] of area.area.coordinates) {
        if (!ring || ring.length < 4) continue;
        this.#fills.push(new AreaFill(this.scene, ring, colour(theme.warned, LEAST_FILL + MORE_FILL * chance(area))));
        const material = Material.fromType("Color", { color: colour(theme.warned, 0.9) });
        this.#lines.add({ positions: ringPoints(ring), width: 1.8, material });
      }
    }
  }
}
