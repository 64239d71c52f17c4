/** Radars, and what they see at a height. */
import { type Billboard, BillboardCollection, Material, PolylineCollection, type Scene } from "@cesium/engine";
import type { Radar } from "../api/contract";
import type { Theme } from "../look/theme";
import { areaRing, at, colour, ringPoints } from "./places";
import { radarCode, symbol } from "./symbols";

const SYMBOL_SIZE = 11;

export class RadarMarks {
  readonly #billboards: BillboardCollection;
  readonly #lines: PolylineCollection;

  constructor(scene: Scene) {
    this.#lines = scene.primitives.add(new PolylineCollection());
    this.#billboards = scene.primitives.add(new BillboardCollection({ scene }));
  }

  /** Radars, and where each sees what is `height_m` high (null: not shown). */
  show(radars: readonly Radar[], height_m: number | null, exercise: boolean, theme: Theme): void {
    this.#billboards.removeAll();
    this.#lines.removeAll();
    const { name, canvas } = symbol(radarCode(exercise), SYMBOL_SIZE);
    for (const radar of radars) {
      const position = at(radar.longitude_deg, radar.latitude_deg, 0);
      const billboard: Billboard = this.#billboards.add({
        position,
        id: `radar:${radar.id}`,
        scale: 1 / globalThis.devicePixelRatio,
      });
      billboard.setImage(name, canvas as never);
      const covered = radar.coverage.find((coverage) => coverage.height_m === height_m);
      if (!covered) continue;
      const css = radar.own ? theme.own : theme.partner;
      const material = Material.fromType("Color", { color: colour(css, radar.own ? 0.65 : 0.4) });
      this.#lines.add({ positions: ringPoints(areaRing(covered.area)), width: radar.own ? 1.6 : 1.1, material });
    }
  }
}
