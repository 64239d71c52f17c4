import { describe, expect, it } from "vitest";
import type { WarnedArea } from "../src/api/contract";
import { chance, inLanguage } from "../src/picture/warned";

const area = (falls: number | null, passes: number | null): WarnedArea => ({
  id: "a", names: {}, danger: "fall", falls, passes, area: { type: "MultiPolygon", coordinates: [] },
});

describe("a warned area", () => {
  it("is as likely as the likelier of what may happen to it", () => {
    expect(chance(area(0.2, 0.7))).toBe(0.7);
    expect(chance(area(0.9, null))).toBe(0.9);
    expect(chance(area(null, null))).toBe(0);
  });

  it("is called by its name in the language spoken, or in English, or in whatever there is", () => {
    expect(inLanguage("ja", { en: "Aomori", ja: "青森県" })).toBe("青森県");
    expect(inLanguage("ko", { ja: "青森県", en: "Aomori" })).toBe("Aomori");
    expect(inLanguage("ko", { ja: "青森県" })).toBe("青森県");
    expect(inLanguage("ko", {})).toBeUndefined();
  });
});
