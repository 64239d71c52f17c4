/** Flights: symbol, path flown and expected, where launched and where it comes down. */
import {
  type Billboard,
  BillboardCollection,
  Cartesian2,
  type Cartesian3,
  HorizontalOrigin,
  type Label,
  LabelCollection,
  LabelStyle,
  Material,
  type Polyline,
  PolylineCollection,
  type Scene,
  VerticalOrigin,
} from "@cesium/engine";
import type { Flight, Place, Track } from "../api/contract";
import type { Theme } from "../look/theme";
import { AreaFill } from "./areaFill";
import { areaRing, at, colour, ellipseRing, pathPoints, ringPoints } from "./places";
import { flightCode, pin, symbol } from "./symbols";

/** So many flights, the most urgent ones, are drawn with their paths and areas. */
export const GREATEST_DRAWN = 40;
/** Of these so many with filled areas: each is a primitive of its own. */
const GREATEST_FILLED = 6;
const PATH_POINTS = 240;
const SYMBOL_SIZE = 17;

interface Mark {
  flight: Flight;
  billboard: Billboard;
  label: Label;
  lines: Polyline[];
  pins: Billboard[];
  fills: AreaFill[];
}

export class FlightMarks {
  readonly #billboards: BillboardCollection;
  readonly #labels: LabelCollection;
  readonly #lines: PolylineCollection;
  readonly #marks = new Map<number, Mark>();
  #chosen: number | null = null;
  #exercise = false;

  constructor(private readonly scene: Scene, private theme: Theme) {
    this.#lines = scene.primitives.add(new PolylineCollection());
    this.#billboards = scene.primitives.add(new BillboardCollection({ scene }));
    this.#labels = scene.primitives.add(new LabelCollection({ scene }));
  }

  /** Draw these, the most urgent first; the others go. Untouched is what is the same as before. */
  show(flights: readonly Flight[], tracks: ReadonlyMap<number, Track>): void {
    const wanted = flights.filter((flight) => tracks.has(flight.id)).slice(0, GREATEST_DRAWN);
    const ids = new Set(wanted.map((flight) => flight.id));
    for (const id of [...this.#marks.keys()]) if (!ids.has(id)) this.#remove(id);
    wanted.forEach((flight, rank) => {
      const before = this.#marks.get(flight.id);
      const filled = rank < GREATEST_FILLED || flight.id === this.#chosen;
      const changed = before?.flight !== flight || before.fills.length > 0 !== filled;
      if (changed) this.#draw(flight, tracks.get(flight.id)!, filled);
    });
  }

  /** A flight's symbol goes where its track is. */
  move(id: number, place: Cartesian3): void {
    const mark = this.#marks.get(id);
    if (!mark) return;
    mark.billboard.position = place;
    mark.label.position = place;
  }

  emphasise(chosen: number | null, theme: Theme, exercise: boolean): void {
    this.#chosen = chosen;
    this.theme = theme;
    this.#exercise = exercise;
    this.clear();
  }

  clear(): void {
    for (const id of [...this.#marks.keys()]) this.#remove(id);
  }

  #draw(flight: Flight, track: Track, filled: boolean): void {
    const place = at(track.longitude_deg, track.latitude_deg, Math.max(0, track.height_m));
    const mark = this.#marks.get(flight.id) ?? this.#begin(flight, place);
    for (const line of mark.lines) this.#lines.remove(line);
    for (const one of mark.pins) this.#billboards.remove(one);
    mark.lines = [];
    mark.pins = [];
    const fills = mark.fills;
    mark.fills = [];
    mark.flight = flight;
    mark.billboard.image = symbol(flightCode(flight, this.#exercise), SYMBOL_SIZE) as never;
    const chosen = flight.id === this.#chosen;
    const dim = flight.status === "ended" ? 0.35 : this.#chosen !== null && !chosen ? 0.45 : 1;
    mark.billboard.color = colour("#ffffff", Math.max(0.5, dim));
    mark.label.fillColor = colour(this.theme.text, Math.max(0.6, dim));
    this.#path(mark, flight, place, dim, chosen);
    if (flight.launch) this.#area(mark, flight.launch, "launch", dim, filled);
    if (flight.impact && flight.status !== "ended") {
      this.#area(mark, flight.impact, "impact", dim, filled);
    }
    // New before old, so that an area never blinks.
    for (const fill of fills) fill.end();
  }

  #begin(flight: Flight, place: Cartesian3): Mark {
    const scale = 1 / globalThis.devicePixelRatio;
    const mark: Mark = {
      flight,
      billboard: this.#billboards.add({ position: place, id: flight.id, scale }),
      label: this.#labels.add({
        position: place,
        id: flight.id,
        text: String(flight.id),
        font: "600 13px system-ui, sans-serif",
        style: LabelStyle.FILL_AND_OUTLINE,
        fillColor: colour(this.theme.text),
        outlineColor: colour(this.theme.halo),
        outlineWidth: 3,
        pixelOffset: new Cartesian2(16, -14),
        horizontalOrigin: HorizontalOrigin.LEFT,
        verticalOrigin: VerticalOrigin.CENTER,
      }),
      lines: [],
      pins: [],
      fills: [],
    };
    this.#marks.set(flight.id, mark);
    return mark;
  }

  #path(mark: Mark, flight: Flight, place: Cartesian3, dim: number, chosen: boolean): void {
    const width = chosen ? 3 : 2;
    if (flight.path_flown && flight.path_flown.time_ms.length > 1) {
      const material = Material.fromType("Color", { color: colour(this.theme.flown, 0.95 * dim) });
      this.#line(mark, pathPoints(flight.path_flown, PATH_POINTS).concat(place), width, material);
    }
    if (flight.path_expected.time_ms.length > 1 && flight.status !== "ended") {
      const material = Material.fromType("PolylineDash", {
        color: colour(this.theme.expected, 0.95 * dim),
        dashLength: 14,
      });
      this.#line(mark, pathPoints(flight.path_expected, PATH_POINTS), width, material);
    }
    const ground = this.scene.mapProjection.ellipsoid.cartesianToCartographic(place);
    if (chosen && ground && ground.height > 1_000) {
      const foot = this.scene.mapProjection.ellipsoid.scaleToGeodeticSurface(place);
      if (foot) {
        const material = Material.fromType("Color", { color: colour(this.theme.text, 0.5) });
        this.#line(mark, [place, foot], 1, material);
      }
    }
  }

  #area(mark: Mark, place: Place, kind: "launch" | "impact", dim: number, filled: boolean): void {
    const css = this.theme[kind];
    const position = at(place.longitude_deg, place.latitude_deg, 0);
    const scale = 1 / globalThis.devicePixelRatio;
    const one = this.#billboards.add({ position, scale, color: colour("#ffffff", dim), id: mark.flight.id });
    one.image = pin(kind, css, this.theme.halo) as never;
    mark.pins.push(one);
    const ring = place.area
      ? areaRing(place.area)
      : ellipseRing(place.longitude_deg, place.latitude_deg, place.ellipse_95);
    if (ring.length < 4) return;
    const material = Material.fromType("Color", { color: colour(css, dim) });
    this.#line(mark, ringPoints(ring), 2, material);
    if (filled) mark.fills.push(new AreaFill(this.scene, ring, colour(css, 0.28 * dim)));
  }

  #line(mark: Mark, positions: Cartesian3[], width: number, material: Material): void {
    mark.lines.push(this.#lines.add({ positions, width, material, id: mark.flight.id }));
  }

  #remove(id: number): void {
    const mark = this.#marks.get(id);
    if (!mark) return;
    for (const line of mark.lines) this.#lines.remove(line);
    for (const one of mark.pins) this.#billboards.remove(one);
    for (const fill of mark.fills) fill.end();
    this.#billboards.remove(mark.billboard);
    this.#labels.remove(mark.label);
    this.#marks.delete(id);
  }
}
