/** In place of parts that Cesium imports for 3D models and this page never reaches (WebAssembly). */
export default undefined;
export const loadSpz = undefined;
export const MeshoptDecoder = undefined;
export const GaussianSplatTextureGenerator = undefined;
export const initSync = undefined;
