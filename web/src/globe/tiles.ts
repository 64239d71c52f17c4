/** What the globe is made of: flat ground, and land drawn on canvas tiles. Both without workers. */
import {
  EllipsoidTerrainProvider,
  Event,
  GeographicTilingScheme,
  HeightmapTerrainData,
  Math as CesiumMath,
  type ImageryProvider,
  type TerrainData,
} from "@cesium/engine";
import { drawTile, type Land, type LandColours } from "./land";

const TILE_PIXELS = 512;
/** Beyond this the 1:10,000,000 outlines have no more to show. */
const GREATEST_LEVEL = 9;
/** From here on the finer outlines are drawn, on the tiles themselves. */
const FINE_LEVEL = 6;
const GROUND_POSTS = 32;

/** Outlines by how near one looks: the finer ones are asked for when they are first needed. */
export interface Outlines {
  coarse: Land;
  fine: () => Promise<Land>;
}

/** Draws each tile when the globe asks for it. Only the members that Cesium's globe reads. */
export function landImagery(outlines: Outlines, colours: LandColours): ImageryProvider {
  const tilingScheme = new GeographicTilingScheme();
  const provider = {
    tileWidth: TILE_PIXELS,
    tileHeight: TILE_PIXELS,
    minimumLevel: 0,
    maximumLevel: GREATEST_LEVEL,
    tilingScheme,
    rectangle: tilingScheme.rectangle,
    tileDiscardPolicy: undefined,
    errorEvent: new Event(),
    credit: undefined,
    proxy: undefined,
    hasAlphaChannel: false,
    getTileCredits: () => [],
    pickFeatures: () => undefined,
    async requestImage(x: number, y: number, level: number): Promise<HTMLCanvasElement> {
      const rectangle = tilingScheme.tileXYToRectangle(x, y, level);
      const fine = level >= FINE_LEVEL;
      const land = fine ? await outlines.fine() : outlines.coarse;
      const canvas = document.createElement("canvas");
      canvas.width = TILE_PIXELS;
      canvas.height = TILE_PIXELS;
      const box = {
        west: CesiumMath.toDegrees(rectangle.west),
        south: CesiumMath.toDegrees(rectangle.south),
        east: CesiumMath.toDegrees(rectangle.east),
        north: CesiumMath.toDegrees(rectangle.north),
      };
      drawTile(canvas, box, land, colours, fine);
      return canvas;
    },
  };
  return provider as unknown as ImageryProvider;
}

type MeshOptions = object;
type TerrainMesh = object;
interface SyncMesh {
  _createMeshSync(options: MeshOptions): TerrainMesh;
}

/** Level ground whose mesh is made at once: Cesium's own way sends it to a worker. */
class LevelGround extends HeightmapTerrainData {
  constructor() {
    super({ buffer: new Uint8Array(GROUND_POSTS ** 2), width: GROUND_POSTS, height: GROUND_POSTS });
  }

  createMesh(options: MeshOptions): Promise<TerrainMesh> {
    return Promise.resolve((this as unknown as SyncMesh)._createMeshSync(options));
  }
}

export class LevelTerrain extends EllipsoidTerrainProvider {
  override requestTileGeometry(): Promise<TerrainData> {
    return Promise.resolve(new LevelGround());
  }
}
