/** The whole page: list, globe, details, and the line of time beneath. */
import { useEffect, useState } from "preact/hooks";
import type { Desk } from "../desk";
import type { Globe } from "../globe/globe";
import type { ThemeName } from "../look/theme";
import { store, type Store } from "../picture/store";
import { waiting } from "../picture/warned";
import type { Word } from "../words/en";
import { language } from "../words/words";
import { Audit } from "./audit";
import { Consultation } from "./consultation";
import { Detail } from "./detail";
import { Flights } from "./flights";
import { GlobePanel } from "./globePanel";
import { LogIn } from "./login";
import { useSilent, useStore, useWords } from "./look";
import { Partners } from "./partners";
import { playOrPause, Timeline, toNow } from "./timeline";
import { Notices, Top } from "./top";
import { InForce, Warnings } from "./warnings";

type Tab = "flight" | "partners" | "warnings" | "consultation" | "audit";
const TITLES: Record<Tab, Word> = { flight: "flight", partners: "leaves_us", warnings: "warnings", consultation: "consultation", audit: "audit" };
const TABS: readonly Tab[] = ["flight", "partners", "warnings", "consultation", "audit"];
const SAID_FOR_MS = 6_000;
/** What nations say is looked for so often while its panel is shut, for the number at its tab. */
const EVENTS_EVERY_MS = 10_000;

export function Page({ desk, look }: { desk: Desk; look: Store<ThemeName> }) {
  const session = useStore(desk.session);
  const spoken = useStore(language);
  const theme = useStore(look);
  useEffect(() => {
    document.documentElement.lang = spoken;
    document.documentElement.dataset["theme"] = theme;
  }, [spoken, theme]);
  if (session === undefined) return null;
  if (session === null) return <LogIn desk={desk} />;
  return <Opened desk={desk} look={look} />;
}

function Opened({ desk, look }: { desk: Desk; look: Store<ThemeName> }) {
  const say = useWords();
  const status = useStore(desk.status);
  const view = useStore(desk.view);
  const [tab, show] = useState<Tab>("flight");
  const [flat] = useState(() => store(false));
  const [globe, setGlobe] = useState<Globe | null>(null);
  const [help, setHelp] = useState(false);
  const exercise = status?.exercise ?? desk.session.get()?.exercise ?? false;
  const silent = useSilent(desk);
  useEffect(() => {
    if (view.flight !== null && !desk.carried) show("flight");
  }, [view.flight]);
  useEffect(() => {
    const pressed = (event: KeyboardEvent): void => onKey(event, desk, globe, flat, setHelp);
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, [globe]);
  useEffect(() => {
    const nation = status?.nation ?? "";
    document.title = `${say(exercise ? "exercise" : "live")} · ${nation} · Skypact`;
  }, [exercise, status?.nation, say]);
  return (
    <div class={["page", exercise ? "exercise" : "live", view.at_ms !== null && "in-past", silent && "silent"].filter(Boolean).join(" ")}>
      <a class="skip" href="#flights-title" onClick={skip}>{say("skip")}</a>
      <Top desk={desk} look={look} />
      <main>
        <Flights desk={desk} />
        <div class="middle">
          <GlobePanel desk={desk} look={look} flat={flat} opened={setGlobe} />
          <Notices desk={desk} />
          <InForce desk={desk} show={() => show("warnings")} />
        </div>
        <aside aria-label={say(TITLES[tab])}>
          <div class="tabs" role="tablist">
            {TABS.filter((one) => one !== "audit" || desk.may("administer")).map((one) => (
              <button key={one} role="tab" id={`tab-${one}`} aria-controls="panel" aria-selected={tab === one} onClick={() => show(one)}>
                {say(one)} {one === "partners" && <Lamps desk={desk} />}{one === "warnings" && <Warned desk={desk} />}{one === "consultation" && <ForMe desk={desk} open={tab === one} />}
              </button>
            ))}
          </div>
          <div class="panel" id="panel" role="tabpanel" aria-labelledby={`tab-${tab}`} tabIndex={0}>
            {tab === "flight" && <Detail desk={desk} />}
            {tab === "partners" && <Partners desk={desk} />}
            {tab === "warnings" && <Warnings desk={desk} />}
            {tab === "consultation" && <Consultation desk={desk} />}
            {tab === "audit" && <Audit desk={desk} />}
          </div>
        </aside>
      </main>
      <Timeline desk={desk} />
      <Said desk={desk} />
      {help && <div class="help" role="dialog" aria-label={say("keys")}><p>{say("keys_said")}</p><button onClick={() => setHelp(false)}>{say("close")}</button></div>}
    </div>
  );
}

/** To the list. The address keeps what is looked at, so it is not left to the browser. */
function skip(event: MouseEvent): void {
  event.preventDefault();
  document.getElementById("flights-title")?.focus();
}

/** Each partner's link at a glance. */
function Lamps({ desk }: { desk: Desk }) {
  const silent = useSilent(desk);
  const partners = useStore(desk.partners);
  return <span class="lamps">{partners.map(({ nation, link }) => <i key={nation} title={nation} class={silent ? "unknown" : link.up ? "up" : "down"}>{silent ? "?" : link.up ? "●" : "▲"}<span class="unseen"> {nation}</span></i>)}</span>;
}

/** How many warnings are in force, and how many alerts wait for whoever is here. */
function Warned({ desk }: { desk: Desk }) {
  const say = useWords();
  const count = useStore(desk.warnings).warnings.filter((one) => one.in_force).length;
  const waits = waiting(useStore(desk.status)?.alerts ?? []);
  const who = desk.session.get()?.who ?? "";
  const mine = desk.may("release") ? waits.filter((one) => !one.released_by.includes(who)).length : 0;
  return <>{count > 0 && <b class="count" title={say("in_force")}>{count}</b>}{mine > 0 && <Waits count={mine} />}</>;
}

/** How many texts wait for one's own confirmation. */
function ForMe({ desk, open }: { desk: Desk; open: boolean }) {
  const count = useStore(desk.toConfirm).length;
  useEffect(() => {
    if (open || !desk.may("act")) return;
    const read = (): void => void desk.readEvents().catch(() => undefined);
    read();
    const timer = setInterval(read, EVENTS_EVERY_MS);
    return () => clearInterval(timer);
  }, [open]);
  return count > 0 ? <Waits count={count} /> : null;
}

function Waits({ count }: { count: number }) {
  const say = useWords();
  const words = say("wait_for_you", { count });
  return <b class="waits-for-me" title={words}>{count}<span class="unseen"> {words}</span></b>;
}

function Said({ desk }: { desk: Desk }) {
  const said = useStore(desk.said);
  useEffect(() => {
    if (!said) return;
    const timer = setTimeout(() => desk.said.set(""), SAID_FOR_MS);
    return () => clearTimeout(timer);
  }, [said]);
  return <div class={`said ${said ? "" : "nothing"}`} role="status" aria-live="polite">{said}</div>;
}

function onKey(event: KeyboardEvent, desk: Desk, globe: Globe | null, flat: Store<boolean>, help: (open: boolean) => void): void {
  const target = event.target as HTMLElement;
  const writing = target.matches("input, select, textarea") || target.closest("dialog") !== null;
  if (writing || event.ctrlKey || event.metaKey || event.altKey) return;
  const ids = desk.order.of(desk.picture.name, desk.picture.flights.values()).map(({ id }) => id);
  const onGlobe = target === globe?.canvas;
  const step = (by: number): void => {
    const chosen = desk.view.get().flight;
    const place = chosen === null ? -1 : ids.indexOf(chosen);
    const next = ids[Math.max(0, Math.min(ids.length - 1, place + by))];
    if (next === undefined) return;
    desk.look({ flight: next });
    document.querySelector<HTMLElement>(`[data-flight="${next}"]`)?.focus();
  };
  const turns: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  const turn = turns[event.key];
  if (onGlobe && turn) globe?.turn(...turn);
  else if (event.key === "ArrowDown") step(1);
  else if (event.key === "ArrowUp") step(-1);
  else if (event.key === "1") desk.look({ picture: "national" });
  else if (event.key === "2") desk.look({ picture: "shared" });
  else if (event.key === "m") flat.set(!flat.get());
  else if (event.key === "h") globe?.home();
  else if (event.key === "+") globe?.zoom(true);
  else if (event.key === "-") globe?.zoom(false);
  else if (event.key === "n") toNow(desk);
  else if (event.key === " " && !target.matches("button")) playOrPause(desk);
  else if (event.key === "a") document.querySelector<HTMLButtonElement>(".acknowledge button")?.click();
  else if (event.key === "?") help(true);
  else if (event.key === "Escape") help(false);
  else return;
  event.preventDefault();
}
