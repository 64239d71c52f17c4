/** Areas under alert: filled where it may come down, the fuller the likelier; an outline where it may pass over. */
import { Material, PolylineCollection, type Scene } from "@cesium/engine";
import type { Warning } from "../api/contract";
import type { Theme } from "../look/theme";
import { chance } from "../picture/warned";
import { AreaFills } from "./areaFills";
import { colour, ringPoints } from "./places";

/** Of how much an area is filled: at a probability of nothing, and what certainty adds to it. */
const LEAST_FILL = 0.12;
const MORE_FILL = 0.45;

export class WarningMarks {
  readonly #lines: PolylineCollection;
  readonly #fills: AreaFills;

  constructor(scene: Scene) {
    this.#fills = new AreaFills(scene);
    this.#lines = scene.primitives.add(new PolylineCollection());
  }

  show(warnings: readonly Warning[], theme: Theme): void {
    this.#lines.removeAll();
    const names = new Set<string>();
    for (const { event, areas } of warnings.filter((one) => one.in_force)) {
      for (const area of areas) {
        area.area.coordinates.forEach(([ring], i) => {
          if (!ring || ring.length < 4) return;
          const name = `${event} ${area.id} ${i}`;
          if (area.danger !== "pass") names.add(name);
          if (area.danger !== "pass") this.#fills.put(name, ring, colour(theme.warned, LEAST_FILL + MORE_FILL * chance(area)));
          const material = Material.fromType("Color", { color: colour(theme.warned, 0.9) });
          this.#lines.add({ positions: ringPoints(ring), width: 1.8, material });
        });
      }
    }
    this.#fills.keep(names);
  }
}
