/** Flights: symbol, path flown and expected, where launched and where it comes down. */
import {
  type Billboard,
  BillboardCollection,
  Cartesian2,
  Cartesian3,
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
import { seenAndNot } from "../picture/flown";
import { nameOf } from "../picture/named";
import { isStated } from "../picture/stated";
import { AreaFills } from "./areaFills";
import { areaRing, at, colour, ellipseRing, padded, pathPoints, ringPoints } from "./places";
import { flightCode, pin, type Drawing, symbol } from "./symbols";

/** So many flights, the most urgent ones, are drawn with their paths and areas. */
export const GREATEST_DRAWN = 40;
/** Of these so many with filled areas: more would cover each other. */
const GREATEST_FILLED = 6;
const PATH_POINTS = 240;
const SYMBOL_SIZE = 17;

/** What is drawn of a flight beside its symbol. */
type Part = "flown" | "expected" | "foot" | "launch" | "impact";

interface Mark {
  flight: Flight;
  filled: boolean;
  /** What its colours and widths were chosen by: another, and its lines are drawn anew. */
  look: string;
  billboard: Billboard;
  label: Label;
  lines: Map<Part, Polyline>;
  pins: Map<Part, Billboard>;
}

export class FlightMarks {
  readonly #billboards: BillboardCollection;
  readonly #labels: LabelCollection;
  readonly #lines: PolylineCollection;
  readonly #fills: AreaFills;
  readonly #marks = new Map<number, Mark>();
  #chosen: number | null = null;
  #exercise = false;

  constructor(private readonly scene: Scene, private theme: Theme) {
    this.#fills = new AreaFills(scene);
    this.#lines = scene.primitives.add(new PolylineCollection());
    this.#billboards = scene.primitives.add(new BillboardCollection({ scene }));
    this.#labels = scene.primitives.add(new LabelCollection({ scene }));
  }

  /** Draw these, the most urgent first; the others go. Untouched is what is the same as before. */
  show(flights: readonly Flight[], tracks: ReadonlyMap<number, Track>): void {
    const wanted = flights.filter((flight) => tracks.has(flight.id) || isStated(flight)).slice(0, GREATEST_DRAWN);
    const ids = new Set(wanted.map((flight) => flight.id));
    for (const id of [...this.#marks.keys()]) if (!ids.has(id)) this.#remove(id);
    wanted.forEach((flight, rank) => {
      const before = this.#marks.get(flight.id);
      const filled = rank < GREATEST_FILLED || flight.id === this.#chosen;
      if (before?.flight !== flight || before.filled !== filled) this.#draw(flight, tracks.get(flight.id), filled);
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

  /** Without a track, as it is only stated, where it is now is not known: it has no symbol. */
  #draw(flight: Flight, track: Track | undefined, filled: boolean): void {
    const place = track ? at(track.longitude_deg, track.latitude_deg, Math.max(0, track.height_m)) : Cartesian3.ZERO;
    const mark = this.#marks.get(flight.id) ?? this.#begin(flight, place);
    mark.billboard.show = mark.label.show = track !== undefined;
    const chosen = flight.id === this.#chosen;
    const dim = flight.status === "ended" ? 0.35 : this.#chosen !== null && !chosen ? 0.45 : 1;
    const look = `${dim} ${chosen}`;
    if (look !== mark.look) for (const part of [...mark.lines.keys()]) this.#unline(mark, part);
    mark.flight = flight;
    mark.filled = filled;
    mark.look = look;
    mark.label.text = nameOf(flight);
    put(mark.billboard, symbol(flightCode(flight, this.#exercise), SYMBOL_SIZE));
    mark.billboard.color = colour("#ffffff", Math.max(0.5, dim));
    mark.label.fillColor = colour(this.theme.text, Math.max(0.6, dim));
    this.#path(mark, flight, track, dim, chosen);
    this.#area(mark, flight.launch, "launch", dim);
    this.#area(mark, flight.impact, "impact", dim);
  }

  #begin(flight: Flight, place: Cartesian3): Mark {
    const scale = 1 / globalThis.devicePixelRatio;
    const mark: Mark = {
      flight,
      filled: false,
      look: "",
      billboard: this.#billboards.add({ position: place, id: flight.id, scale }),
      label: this.#labels.add({
        position: place,
        id: flight.id,
        text: nameOf(flight),
        font: "600 13px system-ui, sans-serif",
        style: LabelStyle.FILL_AND_OUTLINE,
        fillColor: colour(this.theme.text),
        outlineColor: colour(this.theme.halo),
        outlineWidth: 3,
        // What parted from a flight stays beside it for long: their numbers stand at either side.
        pixelOffset: new Cartesian2(flight.parted_from === null ? 16 : -16, -14),
        horizontalOrigin: flight.parted_from === null ? HorizontalOrigin.LEFT : HorizontalOrigin.RIGHT,
        verticalOrigin: VerticalOrigin.CENTER,
      }),
      lines: new Map(),
      pins: new Map(),
    };
    this.#marks.set(flight.id, mark);
    return mark;
  }

  #path(mark: Mark, flight: Flight, track: Track | undefined, dim: number, chosen: boolean): void {
    const place = track && at(track.longitude_deg, track.latitude_deg, Math.max(0, track.height_m));
    const width = chosen ? 3 : 2;
    const [seen, unseen] = (seenAndNot(flight, track) ?? []).map((path) => pathPoints(path, PATH_POINTS));
    if (place) (unseen?.length ? unseen : seen)?.push(place);
    this.#line(mark, "flown", place && seen && seen.length > 1 ? seen : [], width, () => Material.fromType("Color", { color: colour(this.theme.flown, 0.95 * dim) }));
    const expected = flight.path_expected.time_ms.length > 1 && flight.status !== "ended" ? pathPoints(flight.path_expected, PATH_POINTS) : [];
    this.#line(mark, "expected", [...(unseen ?? []), ...expected], width, () =>
      Material.fromType("PolylineDash", { color: colour(this.theme.expected, 0.95 * dim), dashLength: 14 }));
    const ground = place && this.scene.mapProjection.ellipsoid.cartesianToCartographic(place);
    const below = chosen && place && ground && ground.height > 1_000 ? this.scene.mapProjection.ellipsoid.scaleToGeodeticSurface(place) : undefined;
    this.#line(mark, "foot", place && below ? [place, below] : [], 1, () => Material.fromType("Color", { color: colour(this.theme.text, 0.5) }));
  }

  #area(mark: Mark, place: Place | null, part: "launch" | "impact", dim: number): void {
    const name = `${mark.flight.id} ${part}`;
    const ring = !place ? [] : place.area ? areaRing(place.area) : ellipseRing(place.longitude_deg, place.latitude_deg, place.ellipse_95);
    const encloses = ring.length >= 4;
    const css = this.theme[part];
    this.#line(mark, part, encloses ? ringPoints(ring) : [], 2, () => Material.fromType("Color", { color: colour(css, dim) }));
    if (encloses && mark.filled) this.#fills.put(name, ring, colour(css, 0.28 * dim));
    else this.#fills.remove(name);
    if (!place) {
      this.#unpin(mark, part);
      return;
    }
    const position = at(place.longitude_deg, place.latitude_deg, 0);
    let one = mark.pins.get(part);
    if (!one) mark.pins.set(part, (one = this.#billboards.add({ position, scale: 1 / globalThis.devicePixelRatio, id: mark.flight.id })));
    else one.position = position;
    // Of what has ended the fall is what one looks for.
    one.color = colour("#ffffff", mark.flight.status === "ended" && part === "impact" ? 1 : dim);
    put(one, pin(part, css, this.theme.halo));
  }

  /** A line of a flight, where it is now; without places none. `made`: of what, while it is new. */
  #line(mark: Mark, part: Part, places: Cartesian3[], width: number, made: () => Material): void {
    if (places.length < 2) {
      this.#unline(mark, part);
      return;
    }
    const positions = padded(places);
    const line = mark.lines.get(part);
    if (!line) mark.lines.set(part, this.#lines.add({ positions, width, material: made(), id: mark.flight.id }));
    else if (!samePlaces(line.positions, positions)) line.positions = positions;
  }

  #unline(mark: Mark, part: Part): void {
    const line = mark.lines.get(part);
    if (line) this.#lines.remove(line);
    mark.lines.delete(part);
  }

  #unpin(mark: Mark, part: Part): void {
    const one = mark.pins.get(part);
    if (one) this.#billboards.remove(one);
    mark.pins.delete(part);
  }

  #remove(id: number): void {
    const mark = this.#marks.get(id);
    if (!mark) return;
    for (const part of [...mark.lines.keys()]) this.#unline(mark, part);
    for (const part of ["launch", "impact"] as const) {
      this.#unpin(mark, part);
      this.#fills.remove(`${id} ${part}`);
    }
    this.#billboards.remove(mark.billboard);
    this.#labels.remove(mark.label);
    this.#marks.delete(id);
  }
}

/** Under its own name, so that one symbol is kept once however often it is put. */
function put(billboard: Billboard, { name, canvas }: Drawing): void {
  if (billboard.image !== name) billboard.setImage(name, canvas as never);
}

function samePlaces(one: readonly Cartesian3[], other: readonly Cartesian3[]): boolean {
  return one.length === other.length && one.every((place, i) => place.equals(other[i]!));
}
