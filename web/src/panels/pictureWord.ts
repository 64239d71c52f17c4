import { say } from "../words/words";

const PARTNER = "from:";

/** What a picture is called on screen. */
export function pictureWord(name: string): string {
  if (name.startsWith(PARTNER)) return say("from_partner", { nation: name.slice(PARTNER.length) });
  if (name === "national" || name === "shared" || name === "export" || name === "public_warning") return say(name);
  return name;
}
