import { describe, expect, it } from "vitest";
import { type Differing, type Figure, rowOf } from "../src/picture/differing";
import { lengthDigits } from "../src/words/words";

describe("figures side by side", () => {
  const metres: Record<string, number> = { JPN: 968_214, KOR: 968_229, USA: 985_000 };
  const figure = (at: string): Figure | null => (at in metres ? (more) => lengthDigits(metres[at]!, more) : null);
  const differing = (at: string, than: string, much: boolean): Differing => ({ at, than, far: `${metres[at]! - metres[than]!} m`, much });
  const said = (one: Differing, names: readonly string[]) => {
    const row = rowOf(figure, [one]);
    return [...names.map(row.text), row.marks(one.at).length];
  };

  it("that are shown alike do not differ, unless by more than both are unsure of: then it is seen how", () => {
    expect(said(differing("KOR", "JPN", false), ["JPN", "KOR"])).toEqual(["968 km", "968 km", 0]);
    expect(said(differing("KOR", "JPN", true), ["JPN", "KOR"])).toEqual(["968.21 km", "968.23 km", 1]);
  });

  it("that are shown unlike are said to be, with no more digits than they need", () => {
    expect(said(differing("USA", "JPN", false), ["JPN", "USA"])).toEqual(["968 km", "985 km", 1]);
    expect(said(differing("USA", "JPN", true), ["JPN", "USA"])).toEqual(["968 km", "985 km", 1]);
  });

  it("that are not known are not held against others", () => {
    expect(rowOf(figure, [{ at: "AUS", than: "JPN", far: null, much: false }]).marks("AUS")).toEqual([]);
    expect(rowOf(figure, []).text("AUS")).toBeNull();
  });
});
