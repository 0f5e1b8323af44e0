# Pins what the package meta says under its own choices.
#
#     Rscript validation/metafor/conventions_meta.R
#
# Needs meta 8 or later, which Debian 12 does not have; without it the pinned numbers stay.

suppressPackageStartupMessages({
  library(metafor)
  library(meta)
})

data_sets <- list(
  bcg = escalc("RR", ai = tpos, bi = tneg, ci = cpos, di = cneg, data = dat.bcg),
  raudenbush1985 = dat.raudenbush1985,
  hackshaw1998 = dat.hackshaw1998,
  hine1989 = escalc("RD", ai = ai, n1i = n1i, ci = ci, n2i = n2i, data = dat.hine1989),
  collins1985b = escalc("OR", ai = pre.xti, n1i = pre.nti, ci = pre.xci, n2i = pre.nci,
                        data = dat.collins1985b),
  molloy2014 = escalc("ZCOR", ri = ri, ni = ni, data = dat.molloy2014))

said <- function(m) {
  list(estimate = m$TE.random, standard_error = m$seTE.random,
       interval = c(m$lower.random, m$upper.random), statistic = m$statistic.random,
       p_value = m$pval.random, prediction_interval = c(m$lower.predict, m$upper.predict),
       tau2 = m$tau2, tau2_interval = c(m$lower.tau2, m$upper.tau2), i2 = 100 * m$I2,
       i2_interval = 100 * c(m$lower.I2, m$upper.I2), h2 = m$H^2,
       h2_interval = c(m$lower.H, m$upper.H)^2, q = m$Q)
}

one <- function(yi, vi, ...) {
  spread <- max(sum((yi - mean(yi))^2), max(vi))
  control <- list(threshold = 1e-15 * spread, maxiter = 1e6, tol = 1e-300, tau2.max = 1e9 * spread)
  suppressWarnings(metagen(yi, sqrt(vi), ..., control = control))
}

cases <- list()
for (name in names(data_sets)) {
  yi <- as.numeric(data_sets[[name]]$yi); vi <- as.numeric(data_sets[[name]]$vi)
  cases[[name]] <- list(source = paste0("metadat dat.", name), yi = yi, vi = vi, fits = list(
    c(list(options = list(method = "REML")), said(one(yi, vi))),
    c(list(options = list(method = "PM")), said(one(yi, vi, method.tau = "PM"))),
    c(list(options = list(method = "DL")),
      said(one(yi, vi, method.tau = "DL", method.tau.ci = "QP"))),
    c(list(options = list(test = "hksj-unguarded")), said(one(yi, vi, method.random.ci = "HK"))),
    c(list(options = list(test = "hksj")),
      said(one(yi, vi, method.random.ci = "HK", adhoc.hakn.ci = "se"))),
    c(list(options = list(prediction = "hts")), said(one(yi, vi, method.predict = "HTS"))),
    c(list(options = list(prediction = "z")), said(one(yi, vi, method.predict = "S")))))
}

as_json <- function(x) {
  if (is.list(x)) {
    items <- vapply(x, as_json, "")
    if (is.null(names(x))) return(paste0("[", paste(items, collapse = ",\n"), "]"))
    return(paste0("{", paste0("\"", names(x), "\": ", items, collapse = ", "), "}"))
  }
  items <- if (is.character(x)) paste0("\"", x, "\"") else
    ifelse(is.finite(x), sprintf("%.17g", x), "null")
  if (length(x) != 1) paste0("[", paste(items, collapse = ", "), "]") else items
}

made_with <- list(R = as.character(getRversion()), meta = as.character(packageVersion("meta")),
                  metafor = as.character(packageVersion("metafor")))
here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)))
writeLines(as_json(list(made_with = made_with, cases = cases)),
           file.path(here, "conventions_meta.json"), useBytes = TRUE)
