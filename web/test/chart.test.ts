import { expect, it } from "vitest";
import { ticks } from "../src/panels/chart";

it.each([1, 7, 46, 970_000, 5_400, 0.3])("marks of an axis are round, and reach over the most (%d)", (most) => {
  const marks = ticks(most);
  expect(marks[0]).toBe(0);
  expect(marks.at(-1)).toBeGreaterThanOrEqual(most);
  expect(marks.length).toBeLessThanOrEqual(6);
  expect(marks.at(-2)).toBeLessThan(most + 1e-9);
});
