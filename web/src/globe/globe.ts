/** The globe: it draws when something changed or is moved, and rests otherwise. */
import {
  BoundingSphere,
  Cartesian2,
  Cartesian3,
  Cartesian4,
  Cartographic,
  Color,
  Ellipsoid,
  GeographicProjection,
  Globe as Ground,
  HeadingPitchRange,
  ImageryLayer,
  Math as CesiumMath,
  Matrix4,
  PerspectiveFrustum,
  Rectangle,
  Scene,
  SceneMode,
  ScreenSpaceEventHandler,
  ScreenSpaceEventType,
} from "@cesium/engine";
import type { FeatureCollection } from "geojson";
import type { Flight, Radar, Track, Warning } from "../api/contract";
import type { Theme } from "../look/theme";
import type { Picture, PictureChange } from "../picture/picture";
import { byUrgency } from "../picture/urgency";
import { CoastLines } from "./coastLines";
import { EllipsoidMark } from "./ellipsoidMark";
import { FlightMarks } from "./flightMarks";
import { at, colour, pathPoints } from "./places";
import { RadarMarks } from "./radarMarks";
import { SeaLines } from "./seaLines";
import { landImagery, LevelTerrain, type Outlines } from "./tiles";
import { TrackMarks } from "./trackMarks";
import { WarningMarks } from "./warningMarks";

/** Where one looks at first: Korea, Japan and the seas around them, and farther where flights are. */
const HOME = { longitude_deg: 135.5, latitude_deg: 30, height_m: 3_400_000, pitch_deg: -76 };
const HOME_FLAT = Rectangle.fromDegrees(116, 20, 160, 50);
/** What stays in sight of it when flights ask for more: Korea and Japan. */
const HOME_HOLDS: readonly [number, number][] = [[124, 31], [124, 44], [146, 31], [146, 46]];
/** Straight, from the middle of these: what is farther is behind the Earth, and waits to be chosen. */
const HOME_REACH_M = 7_500_000;
/** So much of the canvas' sides is its edge: what is there is not in sight. */
const EDGE = 0.04;
const SEEN_BY = new Matrix4();
const PLACED = new Cartesian4();
const NEAREST_M = 20_000;
const FARTHEST_M = 40_000_000;
const LOOK_POINTS = 60;
/** Of each flight for the first view: its ends and its highest place are enough. */
const HOME_POINTS = 6;
const LOOK_PITCH = -0.85;
const LOOK_RANGES = 2.4;
const LEAST_LOOK_M = 150_000;
/** So much more of the map at each side, of what is looked at. */
const LOOK_MARGIN = 0.35;
const HOME_MARGIN = 0.1;
/** A chosen flight that comes out of so many times what was looked at is looked at anew. */
const KEPT_IN_SIGHT = 1.3;
/** A frame that takes longer is slow; after it the globe rests this many times as long. */
const SLOW_FRAME_MS = 60;
const REST_FOR_EACH = 3;
/**
 * Land is made between frames: Cesium gives it 5 ms after each. Where frames take seconds (no graphics
 * hardware, a busy machine) the land would take minutes; it has this share of what a frame took.
 */
const LAND_MS = 5;
const LAND_SHARE = 0.15;

/** Members of a scene and of its ground that Cesium's types do not name. */
interface Drawn {
  pixelRatio: number;
  updateFrameState(): void;
  initializeFrame(): void;
}
interface Tiled {
  _surface: { _loadQueueTimeSlice: number };
}

export interface Shown {
  theme: Theme;
  chosen: number | null;
  exercise: boolean;
}

/** All of a flight: flown and expected, its launch and its impact. */
function pointsOf(flight: Flight, greatest = LOOK_POINTS): Cartesian3[] {
  const points = [flight.path_flown, flight.path_expected].flatMap((path) => (path ? pathPoints(path, greatest) : []));
  for (const place of [flight.launch, flight.impact]) {
    if (place) points.push(at(place.longitude_deg, place.latitude_deg, 0));
  }
  return points;
}

function homePoints(flight: Flight): Cartesian3[] {
  return flight.kind === "aircraft" ? [] : pointsOf(flight, HOME_POINTS);
}

export class Globe {
  readonly scene: Scene;
  readonly #canvas: HTMLCanvasElement;
  readonly #coasts: CoastLines;
  readonly #tracks: TrackMarks;
  readonly #flights: FlightMarks;
  readonly #radars: RadarMarks;
  readonly #lines: SeaLines;
  readonly #ellipsoid: EllipsoidMark;
  readonly #warnings: WarningMarks;
  #shown: Shown;
  #picture: Picture | undefined;
  #now_ms = Date.now;
  #ghosts = new Set<number>();
  /** The flight that one looks at and around where, until one looks elsewhere oneself. */
  #kept: { id: number; around: BoundingSphere } | undefined;
  /** One looks from where one looks at first, until one looks elsewhere oneself. */
  #atHome = true;
  /** Chosen, by a link or before the picture came: it is looked at as soon as it is there. */
  #awaited: number | null;
  /** What of the map one last looked at. */
  #map = HOME_FLAT;
  /** Something in the data is not drawn yet. */
  #changed = false;
  /**
   * Frames drawn, and when the last was: whoever measures finds the number at the canvas, and
   * whether the land was whole in it.
   */
  #drawn = 0;
  #drawn_ms = 0;
  #lag_ms = 0;
  #rest_until_ms = 0;

  constructor(container: HTMLElement, private readonly outlines: Outlines, shown: Shown, onChoose: (id: number | null) => void) {
    this.#shown = shown;
    this.#awaited = shown.chosen;
    this.#canvas = document.createElement("canvas");
    this.#canvas.tabIndex = 0;
    container.append(this.#canvas);
    const credits = document.createElement("div");
    this.scene = new Scene({
      canvas: this.#canvas,
      creditContainer: credits,
      contextOptions: { webgl: { antialias: true, alpha: false } },
      mapProjection: new GeographicProjection(Ellipsoid.WGS84),
      requestRenderMode: true,
      maximumRenderTimeChange: Infinity,
      msaaSamples: 2,
      orderIndependentTranslucency: false,
    });
    this.#dressScene();
    this.#coasts = new CoastLines(this.scene, outlines.coarse);
    this.#warnings = new WarningMarks(this.scene);
    this.#lines = new SeaLines(this.scene);
    this.#radars = new RadarMarks(this.scene);
    this.#tracks = new TrackMarks(this.scene, shown.theme);
    this.#flights = new FlightMarks(this.scene, shown.theme);
    this.#ellipsoid = new EllipsoidMark(this.scene);
    this.#paint();
    this.home();
    this.#listen(onChoose);
    new ResizeObserver(() => {
      this.#resize();
      // A canvas of a new size is empty: draw before it is seen.
      this.scene.render();
    }).observe(container);
    this.scene.postRender.addEventListener(() => {
      this.#drawn_ms = performance.now();
      this.#drawn += 1;
      this.#canvas.dataset["drawn"] = String(this.#drawn);
      this.#canvas.dataset["land"] = this.scene.globe.tilesLoaded ? "whole" : "";
    });
    this.#resize();
    requestAnimationFrame(this.#frame);
  }

  /** From now on what changes in this picture is drawn. */
  follow(picture: Picture, now_ms: () => number): () => void {
    this.#picture = picture;
    this.#now_ms = now_ms;
    const draw = (change: PictureChange): void => {
      if (change.whole) {
        this.#tracks.clear();
        this.#flights.clear();
        this.#ghosts.clear();
      }
      const changed = change.tracks.map((id) => picture.tracks.get(id)).filter((track) => track !== undefined);
      this.#tracks.change(changed, picture.tails, now_ms());
      this.#tracks.remove(change.gone);
      if (change.flights.length || change.flightsGone.length || change.gone.length || change.whole) this.#drawFlights();
      for (const track of changed) {
        const place = this.#tracks.placeOf(track.id);
        if (place) this.#flights.move(track.id, place);
        if (track.id === this.#shown.chosen) this.#ellipsoid.show(track);
      }
      const awaited = this.#awaited === null ? undefined : picture.flights.get(this.#awaited);
      if (awaited) this.lookAt(awaited);
      this.#keepInSight();
      if (this.#atHome && (change.whole || change.flights.length)) this.#keepHome(change.flights);
      this.#changed = true;
    };
    return picture.look(draw);
  }

  /** Colours, what is chosen, live or exercise. */
  show(shown: Shown): void {
    const painted = this.#shown.theme !== shown.theme;
    if (shown.chosen !== this.#shown.chosen) this.#awaited = shown.chosen;
    this.#shown = shown;
    if (painted) this.#paint();
    this.#tracks.emphasise(shown.chosen, shown.theme);
    this.#flights.emphasise(shown.chosen, shown.theme, shown.exercise);
    if (this.#picture) this.#tracks.change(this.#picture.tracks.values(), this.#picture.tails, this.#now_ms());
    this.#ellipsoid.show(shown.chosen === null ? undefined : this.#picture?.tracks.get(shown.chosen));
    this.#drawFlights();
    this.scene.requestRender();
  }

  /** Tracks of another picture that this one lacks: drawn hollow beside it. Their ids are made negative. */
  ghosts(tracks: readonly Track[]): void {
    const present = new Set(tracks.map((track) => -track.id));
    this.#tracks.remove([...this.#ghosts].filter((id) => !present.has(id)));
    this.#ghosts = present;
    const drawn = tracks.map((track) => ({ ...track, id: -track.id }));
    this.#tracks.change(drawn, new Map(), this.#now_ms());
    this.scene.requestRender();
  }

  showRadars(radars: readonly Radar[], height_m: number | null): void {
    this.#radars.show(radars, height_m, this.#shown.exercise, this.#shown.theme);
    this.scene.requestRender();
  }

  showLines(lines: FeatureCollection | null): void {
    this.#lines.show(lines, this.#shown.theme);
    this.scene.requestRender();
  }

  showWarnings(warnings: readonly Warning[]): void {
    this.#warnings.show(warnings, this.#shown.theme);
    this.scene.requestRender();
  }

  flat(flat: boolean): void {
    const wanted = flat ? SceneMode.SCENE2D : SceneMode.SCENE3D;
    if (this.scene.mode === wanted) return;
    if (flat) this.scene.morphTo2D(0);
    else this.scene.morphTo3D(0);
    this.#tracks.lie(flat);
    this.#resize();
    // What is in sight is asked of the frame, which is of the other form until one is drawn.
    (this.scene as unknown as Drawn).updateFrameState();
    const kept = this.#kept && this.#picture?.flights.get(this.#kept.id);
    if (kept) this.lookAt(kept);
    else this.home();
    this.show(this.#shown);
  }

  /** Korea and Japan, and all flights that one can see together with them. */
  home(): void {
    this.#kept = undefined;
    this.#atHome = true;
    this.#lookHome();
    const points = [...(this.#picture?.flights.values() ?? [])].flatMap(homePoints);
    if (points.every((point) => this.#inSight(point))) return;
    const middle = Cartesian3.fromDegrees(HOME.longitude_deg, HOME.latitude_deg);
    const near = points.filter((point) => Cartesian3.distance(point, middle) < HOME_REACH_M);
    const held = HOME_HOLDS.map(([longitude, latitude]) => at(longitude, latitude, 0));
    if (near.length === 0) return;
    // In a wide canvas a sphere that fits its width is cut above and below.
    for (const farther of [1, 1.3, 1.7]) {
      this.#lookAround([...held, ...near], CesiumMath.toRadians(HOME.pitch_deg), HOME_MARGIN, farther);
      if (near.every((point) => this.#inSight(point))) return;
    }
  }

  #lookHome(): void {
    if (this.scene.mode === SceneMode.SCENE2D) {
      this.#lookAtMap(HOME_FLAT);
    } else {
      this.scene.camera.setView({
        destination: Cartesian3.fromDegrees(HOME.longitude_deg, HOME.latitude_deg, HOME.height_m),
        orientation: { heading: 0, pitch: CesiumMath.toRadians(HOME.pitch_deg), roll: 0 },
      });
    }
    this.scene.requestRender();
  }

  #lookAtMap(destination: Rectangle): void {
    this.#map = destination;
    this.scene.camera.setView({ destination });
  }

  /** From home, what comes into the picture or goes out of sight is looked at too. */
  #keepHome(flights: readonly number[]): void {
    const changed = flights.map((id) => this.#picture?.flights.get(id)).filter((flight) => flight !== undefined);
    const middle = Cartesian3.fromDegrees(HOME.longitude_deg, HOME.latitude_deg);
    const out = changed.flatMap(homePoints).some((point) => !this.#inSight(point) && Cartesian3.distance(point, middle) < HOME_REACH_M);
    if (out) this.home();
  }

  #inSight(point: Cartesian3): boolean {
    if (this.scene.mode === SceneMode.SCENE2D) return Rectangle.contains(this.#map, Cartographic.fromCartesian(point));
    const { frustum, viewMatrix } = this.scene.camera;
    const seen = Matrix4.multiply(frustum.projectionMatrix, viewMatrix, SEEN_BY);
    const { x, y, w } = Matrix4.multiplyByVector(seen, Cartesian4.fromElements(point.x, point.y, point.z, 1, PLACED), PLACED);
    return w > 0 && Math.max(Math.abs(x), Math.abs(y)) < (1 - 2 * EDGE) * w;
  }

  /** The whole of a flight comes into sight, from the south at a slant: height is seen as height. */
  lookAt(flight: Flight): void {
    const points = pointsOf(flight);
    if (points.length === 0) return;
    this.#awaited = null;
    this.#atHome = false;
    this.#kept = { id: flight.id, around: this.#lookAround(points, LOOK_PITCH) };
  }

  /** The flight that was chosen, as another picture has it: one looks on from where one did. */
  keep(flight: Flight): void {
    this.#awaited = null;
    if (this.#kept) this.#kept = { ...this.#kept, id: flight.id };
  }

  /** Look at all of these; gives the sphere around them. */
  #lookAround(points: Cartesian3[], pitch: number, margin = LOOK_MARGIN, farther = 1): BoundingSphere {
    const sphere = BoundingSphere.fromPoints(points);
    sphere.radius = Math.max(LEAST_LOOK_M, sphere.radius);
    const { camera } = this.scene;
    if (this.scene.mode === SceneMode.SCENE2D) {
      const around = Rectangle.fromCartesianArray(points);
      const wider = Math.max(around.width, around.height, 0.02) * margin;
      this.#lookAtMap(
        new Rectangle(
          Math.max(-Math.PI, around.west - wider),
          Math.max(-CesiumMath.PI_OVER_TWO, around.south - wider),
          Math.min(Math.PI, around.east + wider),
          Math.min(CesiumMath.PI_OVER_TWO, around.north + wider),
        ),
      );
    } else {
      // The angle of view is that of the longer side.
      const tall = Math.max(1, this.#canvas.clientHeight / Math.max(1, this.#canvas.clientWidth));
      camera.lookAt(sphere.center, new HeadingPitchRange(0, pitch, farther * LOOK_RANGES * tall * sphere.radius));
      camera.lookAtTransform(Matrix4.IDENTITY);
    }
    this.scene.requestRender();
    return sphere;
  }

  /** A flight that grows is followed, unless one has looked elsewhere since it was chosen. */
  #keepInSight(): void {
    if (!this.#kept || this.#kept.id !== this.#shown.chosen) return;
    const flight = this.#picture?.flights.get(this.#kept.id);
    const points = flight ? pointsOf(flight) : [];
    const { center, radius } = this.#kept.around;
    if (points.some((point) => Cartesian3.distance(point, center) > KEPT_IN_SIGHT * radius)) this.lookAt(flight!);
  }

  zoom(nearer: boolean): void {
    this.#lookElsewhere();
    const height_m = this.scene.camera.positionCartographic.height;
    if (nearer) this.scene.camera.zoomIn(height_m * 0.3);
    else this.scene.camera.zoomOut(height_m * 0.45);
    this.scene.requestRender();
  }

  turn(east: number, north: number): void {
    this.#lookElsewhere();
    const step = 0.06;
    const { camera } = this.scene;
    if (this.scene.mode === SceneMode.SCENE2D) {
      const far = camera.positionCartographic.height * step;
      camera.moveRight(east * far);
      camera.moveUp(north * far);
    } else {
      camera.rotateRight(-east * step);
      camera.rotateUp(-north * step);
    }
    this.scene.requestRender();
  }

  /** From now on the view is one's own. */
  readonly #lookElsewhere = (): void => {
    this.#awaited = null;
    this.#kept = undefined;
    this.#atHome = false;
  };

  get canvas(): HTMLCanvasElement {
    return this.#canvas;
  }

  #dressScene(): void {
    const { scene } = this;
    const ground = new Ground(Ellipsoid.WGS84);
    scene.globe = ground;
    ground.terrainProvider = new LevelTerrain();
    ground.showGroundAtmosphere = false;
    ground.enableLighting = false;
    ground.showWaterEffect = false;
    ground.maximumScreenSpaceError = 2;
    ground.tileCacheSize = 60;
    scene.fog.enabled = false;
    scene.highDynamicRange = false;
    scene.useDepthPicking = false;
    scene.screenSpaceCameraController.minimumZoomDistance = NEAREST_M;
    scene.screenSpaceCameraController.maximumZoomDistance = FARTHEST_M;
    scene.screenSpaceCameraController.inertiaSpin = 0;
    scene.screenSpaceCameraController.inertiaTranslate = 0;
    scene.screenSpaceCameraController.inertiaZoom = 0;
  }

  #paint(): void {
    const { theme } = this.#shown;
    this.scene.backgroundColor = Color.fromCssColorString(theme.space);
    const ground = this.scene.globe;
    ground.baseColor = colour(theme.land.sea);
    this.#coasts.paint(theme);
    ground.imageryLayers.removeAll();
    ground.imageryLayers.add(new ImageryLayer(landImagery(this.outlines, theme.land)));
  }

  #drawFlights(): void {
    if (!this.#picture) return;
    const drawn = byUrgency(this.#picture.flights.values()).filter((flight) => flight.kind !== "aircraft");
    const { chosen } = this.#shown;
    const first = chosen === null ? undefined : this.#picture.flights.get(chosen);
    const ordered = first ? [first, ...drawn.filter((flight) => flight !== first)] : drawn;
    this.#flights.show(ordered, this.#picture.tracks);
  }

  #listen(onChoose: (id: number | null) => void): void {
    for (const moves of ["pointerdown", "wheel"]) {
      this.#canvas.addEventListener(moves, this.#lookElsewhere, { passive: true });
    }
    const handler = new ScreenSpaceEventHandler(this.#canvas);
    handler.setInputAction((event: { position: Cartesian2 }) => {
      const picked: unknown = this.scene.pick(event.position, 9, 9)?.id;
      onChoose(typeof picked === "number" && picked > 0 ? picked : null);
    }, ScreenSpaceEventType.LEFT_CLICK);
  }

  #resize(): void {
    const ratio = globalThis.devicePixelRatio;
    this.#canvas.width = Math.max(1, Math.round(this.#canvas.clientWidth * ratio));
    this.#canvas.height = Math.max(1, Math.round(this.#canvas.clientHeight * ratio));
    (this.scene as unknown as Drawn).pixelRatio = ratio;
    const { frustum } = this.scene.camera;
    if (frustum instanceof PerspectiveFrustum) frustum.aspectRatio = this.#canvas.width / this.#canvas.height;
    this.scene.requestRender();
  }

  /**
   * One frame. What the data change is drawn at once where drawing is quick; where it is not (no
   * graphics hardware), only a share of the time goes into it, and the rest of the page stays quick.
   */
  readonly #frame = (): void => {
    const began = performance.now();
    if (this.#drawn_ms > 0) {
      this.#lag_ms = began - this.#drawn_ms;
      this.#drawn_ms = 0;
      this.#rest_until_ms = this.#lag_ms < SLOW_FRAME_MS ? 0 : began + REST_FOR_EACH * this.#lag_ms;
      (this.scene.globe as unknown as Tiled)._surface._loadQueueTimeSlice = Math.max(LAND_MS, LAND_SHARE * this.#lag_ms);
    }
    if (this.#changed && began >= this.#rest_until_ms) {
      this.#changed = false;
      this.scene.requestRender();
    }
    this.#coasts.seenFrom(this.scene.camera.positionCartographic.height);
    (this.scene as unknown as Drawn).initializeFrame();
    this.scene.render();
    requestAnimationFrame(this.#frame);
  };
}
