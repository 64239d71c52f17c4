import { render } from "preact";
import { Desk } from "./desk";
import "./look/style.css";
import type { ThemeName } from "./look/theme";
import { Page } from "./panels/page";
import { store } from "./picture/store";

const KEPT = "skypact.look";
const kept = localStorage.getItem(KEPT);
const asked: ThemeName = matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark";
const look = store<ThemeName>(kept === "light" || kept === "dark" ? kept : asked);
look.look((chosen) => localStorage.setItem(KEPT, chosen));

const desk = new Desk();
render(<Page desk={desk} look={look} />, document.getElementById("desk")!);
void desk.try(() => desk.begin());
