/** The Compare page reads without script; this measures from it, and keeps it up to date. */

import "./compare-runs.js";
import "./theme-toggle.js";
import { localiseTimes } from "./format.js";

localiseTimes(document);
