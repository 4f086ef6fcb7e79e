/** The Proof panel reads without script; this only makes its times local. */

import "./theme-toggle.js";
import { localiseTimes } from "./format.js";

localiseTimes(document);
