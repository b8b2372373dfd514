// The help page: begins the tour again.
import { $, attempt } from "./page.js";
import { tourAgain } from "./tour.js";

$("#tour-again").addEventListener("click", () => attempt(tourAgain));
