import ms from "milsymbol";
import { expect, it } from "vitest";
import type { Kind } from "../src/api/contract";
import { flightCode, radarCode } from "../src/globe/symbols";

const KINDS: Kind[] = ["ballistic", "quasi_ballistic", "glide", "orbital", "aircraft", "unknown"];

it.each(KINDS)("the symbol of %s is a known one, unlike in an exercise, and calls nobody hostile", (kind) => {
  for (const exercise of [false, true]) {
    const symbol = new ms.Symbol(flightCode({ kind }, exercise));
    expect(symbol.isValid(), flightCode({ kind }, exercise)).toBe(true);
    expect(symbol.getMetadata().affiliation).toBe("Unknown");
    expect(symbol.getMetadata().context).toBe(exercise ? "Exercise" : "Reality");
  }
});

it("the symbol of a radar is a known one", () => {
  expect(new ms.Symbol(radarCode(false)).isValid()).toBe(true);
});
