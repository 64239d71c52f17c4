/** What one looks at, as it stands in the address: a moment can be handed on. */
export type Known = "then" | "now";

export interface View {
  picture: string;
  /** The chosen flight. */
  flight: number | null;
  /** A moment in the past, ms since 1970; null: now. */
  at_ms: number | null;
  known: Known;
}

/** The picture of all together, beside which the others are set. */
export const TOGETHER = "shared";

export const FIRST_VIEW: View = { picture: TOGETHER, flight: null, at_ms: null, known: "then" };

export function toHash(view: View): string {
  const parts = new URLSearchParams();
  if (view.picture !== FIRST_VIEW.picture) parts.set("picture", view.picture);
  if (view.flight !== null) parts.set("flight", String(view.flight));
  if (view.at_ms !== null) {
    parts.set("at", new Date(view.at_ms).toISOString());
    parts.set("known", view.known);
  }
  const said = parts.toString();
  return said ? `#${said}` : "";
}

/** What an address asks for; what it says wrongly counts as not said. */
export function fromHash(hash: string): View {
  const parts = new URLSearchParams(hash.replace(/^#/, ""));
  const flight = Number(parts.get("flight") ?? NaN);
  const at_ms = Date.parse(parts.get("at") ?? "");
  return {
    picture: parts.get("picture") ?? FIRST_VIEW.picture,
    flight: Number.isInteger(flight) ? flight : null,
    at_ms: Number.isFinite(at_ms) ? at_ms : null,
    known: parts.get("known") === "now" ? "now" : "then",
  };
}
