/** Limits at sea as the nation's own file has them: economic zones, the Northern Limit Line. */
import { Cartesian2, LabelCollection, LabelStyle, Material, PolylineCollection, type Scene, VerticalOrigin } from "@cesium/engine";
import type { FeatureCollection, Geometry, Position } from "geojson";
import type { Theme } from "../look/theme";
import { at, colour, ringPoints } from "./places";

/** The Northern Limit Line is told from other limits by its width and its longer dashes, not by colour alone. */
const NORTHERN_LIMIT = "nll";
const LOOKS = {
  nll: { width: 2.2, dashLength: 22 },
  other: { width: 1.2, dashLength: 8 },
};

const ABOVE = new Cartesian2(0, -5);

export class SeaLines {
  readonly #lines: PolylineCollection;
  readonly #labels: LabelCollection;

  constructor(scene: Scene) {
    this.#lines = scene.primitives.add(new PolylineCollection());
    this.#labels = scene.primitives.add(new LabelCollection({ scene }));
  }

  show(lines: FeatureCollection | null, theme: Theme): void {
    this.#lines.removeAll();
    this.#labels.removeAll();
    for (const { geometry, properties } of lines?.features ?? []) {
      const parts = partsOf(geometry);
      const { width, dashLength } = LOOKS[properties?.["kind"] === NORTHERN_LIMIT ? "nll" : "other"];
      for (const part of parts) {
        const material = Material.fromType("PolylineDash", { color: colour(theme.line, 0.8), dashLength });
        this.#lines.add({ positions: ringPoints(part), width, material });
      }
      const text: unknown = properties?.["label"];
      const longest = parts.reduce<Position[]>((most, part) => (part.length > most.length ? part : most), []);
      const middle = longest[longest.length >> 1];
      if (typeof text === "string" && text && middle) this.#label(text, middle, theme);
    }
  }

  #label(text: string, [longitude = 0, latitude = 0]: Position, theme: Theme): void {
    this.#labels.add({
      position: at(longitude, latitude, 0),
      text,
      font: "600 11px system-ui, sans-serif",
      style: LabelStyle.FILL_AND_OUTLINE,
      fillColor: colour(theme.line),
      outlineColor: colour(theme.halo),
      outlineWidth: 3,
      pixelOffset: ABOVE,
      verticalOrigin: VerticalOrigin.BOTTOM,
    });
  }
}

function partsOf(geometry: Geometry): Position[][] {
  if (geometry.type === "LineString") return [geometry.coordinates];
  if (geometry.type === "MultiLineString" || geometry.type === "Polygon") return geometry.coordinates;
  return geometry.type === "MultiPolygon" ? geometry.coordinates.flat() : [];
}
