/** Standard symbols (MIL-STD-2525D / APP-6D), drawn by milsymbol. */
import ms from "milsymbol";
import type { Flight } from "../api/contract";

/** Live, or the X of an exercise. */
const REALITY = { live: "0", exercise: "1" };
/** Nobody has said whose it is: a desk does not call anything hostile. */
const UNKNOWN = "1";
const FRIEND = "3";

const AIR = "01";
const MISSILE = "02";
const SPACE = "05";
const LAND_EQUIPMENT = "15";

function code(set: string, identity: string, entity: string, exercise: boolean, modifiers = "0000"): string {
  const reality = exercise ? REALITY.exercise : REALITY.live;
  return `10${reality}${identity}${set}0000${entity}${modifiers}`;
}

/** A flight's symbol by what it is. */
export function flightCode(flight: Pick<Flight, "kind">, exercise: boolean): string {
  if (flight.kind === "orbital") return code(SPACE, UNKNOWN, "111000", exercise);
  if (flight.kind === "aircraft") return code(AIR, UNKNOWN, "110000", exercise);
  if (flight.kind === "unknown") return code(AIR, UNKNOWN, "000000", exercise);
  return code(MISSILE, UNKNOWN, "110000", exercise);
}

export function radarCode(exercise: boolean): string {
  return code(LAND_EQUIPMENT, FRIEND, "220300", exercise);
}

const drawn = new Map<string, HTMLCanvasElement>();

/** A symbol's picture, drawn once. `size`: of milsymbol, about the height of its frame in pixels. */
export function symbol(sidc: string, size: number, outline: string): HTMLCanvasElement {
  const key = `${sidc}/${size}/${outline}`;
  let canvas = drawn.get(key);
  if (!canvas) {
    canvas = new ms.Symbol(sidc, {
      size: size * globalThis.devicePixelRatio,
      outlineWidth: 3,
      outlineColor: outline,
      simpleStatusModifier: true,
    }).asCanvas();
    drawn.set(key, canvas);
  }
  return canvas;
}

export function symbolSvg(sidc: string, size: number): string {
  return new ms.Symbol(sidc, { size }).toDataURL();
}
