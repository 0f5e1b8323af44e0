# Pins every estimator of tau2 for the mean alone.  Rscript validation/metafor/estimators.R
#
# Inputs are those of reference.json and of further data sets. As there, iterations run to the end of
# double precision, and likelihoods are climbed from several places: the highest is kept.

suppressPackageStartupMessages(library(metafor))
stopifnot(packageVersion("metafor") == "3.8.1", packageVersion("metadat") == "1.2.0")

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)))
methods <- c("REML", "ML", "DL", "PM", "EB", "SJ", "HE", "HS")
quietly <- function(expression) suppressWarnings(suppressMessages(expression))

control_for <- function(yi, vi, init = NULL) {
  spread <- max(sum((yi - mean(yi))^2), max(vi))
  values <- list(threshold = 1e-15 * spread, maxiter = 1e6, tol = 1e-300, tau2.max = 1e9 * spread)
  if (!is.null(init)) values$tau2.init <- init
  values
}

attempt <- function(yi, vi, method, init = NULL) {
  res <- quietly(try(rma(yi, vi, method = method, control = control_for(yi, vi, init)),
                     silent = TRUE))
  if (inherits(res, "try-error")) NULL else res
}

fit <- function(yi, vi, method) {
  if (method == "EB") {
    # the same root as PM's, from which Fisher scoring need not go far
    return(attempt(yi, vi, "EB", attempt(yi, vi, "PM")$tau2))
  }
  if (!is.element(method, c("REML", "ML"))) return(attempt(yi, vi, method))
  starts <- list(NULL, 0, min(vi), var(yi), 4 * max(yi^2))
  fits <- Filter(Negate(is.null), lapply(starts, function(init) attempt(yi, vi, method, init)))
  fits[[which.max(sapply(fits, function(f) as.numeric(logLik(f))))]]
}

# by the log-likelihoods metafor gives at fixed tau2; where there are two maxima its own search for
# limits may end at a crossing between them, which is why this is done here from outside
profile <- function(res, yi, vi) {
  short <- function(tau2) {
    at <- rma(yi, vi, method = res$method, tau2 = tau2)
    as.numeric(logLik(res) - logLik(at)) - qchisq(0.95, 1) / 2
  }
  bounds <- quietly(try(confint(res, type = "PL", control = control_for(yi, vi))$random["tau^2", ],
                        silent = TRUE))
  if (inherits(bounds, "try-error")) return(c(NA, NA))
  limits <- as.numeric(bounds[c("ci.lb", "ci.ub")])
  below <- limits[1] * c(0.5, 0.1, 0.01, 0)
  above <- limits[2] * c(1.5, 2, 5, 20)
  if (limits[1] > 0 && any(sapply(below, short) < 0)) return(c(NA, NA))
  if (any(sapply(above, short) < 0)) return(c(NA, NA))
  limits
}

case <- function(yi, vi, source) {
  yi <- as.numeric(yi)
  vi <- as.numeric(vi)
  keep <- !is.na(yi) & !is.na(vi)
  yi <- yi[keep]
  vi <- vi[keep]
  fits <- lapply(methods, function(method) {
    res <- fit(yi, vi, method)
    out <- list(method = method, tau2 = res$tau2, standard_error = res$se.tau2)
    if (is.element(method, c("REML", "ML"))) out$profile_likelihood <- profile(res, yi, vi)
    out
  })
  list(source = source, yi = yi, vi = vi, fits = fits)
}

dataset <- function(name, ...) {
  dat <- get(name)
  columns <- match.call(expand.dots = FALSE)$...
  if (length(columns)) dat <- eval(as.call(c(list(quote(escalc)), columns, list(data = dat))))
  case(dat$yi, dat$vi, paste("metadat", name))
}

further <- list(
  "anand1999" = dataset("dat.anand1999", "OR", ai = ai, n1i = n1i, ci = ci, n2i = n2i),
  "axfors2021" = dataset("dat.axfors2021", "OR", ai = hcq_arm_event, n1i = hcq_arm_total,
                         ci = control_arm_event, n2i = control_arm_total),
  "bangertdrowns2004" = dataset("dat.bangertdrowns2004"),
  "baskerville2012" = case(dat.baskerville2012$smd, dat.baskerville2012$se^2,
                           "metadat dat.baskerville2012"),
  "begg1989" = dataset("dat.begg1989"),
  "bourassa1996" = dataset("dat.bourassa1996", "OR", ai = lh.le, bi = lh.re, ci = rh.le,
                           di = rh.re),
  "cannon2006" = dataset("dat.cannon2006", "OR", ai = ep1t, n1i = nt, ci = ep1c, n2i = nc),
  "cohen1981" = dataset("dat.cohen1981", "ZCOR", ri = ri, ni = ni),
  "crede2010" = dataset("dat.crede2010", "ZCOR", ri = ri, ni = ni),
  "damico2009" = dataset("dat.damico2009", "OR", ai = xt, n1i = nt, ci = xc, n2i = nc),
  "dorn2007" = dataset("dat.dorn2007", "RR", ai = x.a, n1i = n.a, ci = x.p, n2i = n.p),
  "egger2001" = dataset("dat.egger2001", "OR", ai = ai, n1i = n1i, ci = ci, n2i = n2i),
  "graves2010" = dataset("dat.graves2010", "RR", ai = ai, n1i = n1i, ci = ci, n2i = n2i),
  "hahn2001" = dataset("dat.hahn2001", "RR", ai = ai, n1i = n1i, ci = ci, n2i = n2i),
  "hart1999" = dataset("dat.hart1999", "IRR", x1i = x1i, t1i = t1i, x2i = x2i, t2i = t2i),
  "ishak2007" = case(dat.ishak2007$y1i, dat.ishak2007$v1i, "metadat dat.ishak2007"),
  "knapp2017" = dataset("dat.knapp2017"),
  "lau1992" = dataset("dat.lau1992", "OR", ai = ai, n1i = n1i, ci = ci, n2i = n2i),
  "lee2004" = dataset("dat.lee2004", "RR", ai = ai, n1i = n1i, ci = ci, n2i = n2i),
  "mcdaniel1994" = dataset("dat.mcdaniel1994", "ZCOR", ri = ri, ni = ni),
  "michael2013" = dataset("dat.michael2013"),
  "molloy2014" = dataset("dat.molloy2014", "ZCOR", ri = ri, ni = ni),
  "nakagawa2007" = dataset("dat.nakagawa2007", "ZCOR", ri = Correlation, ni = SampleSize),
  "nielweise2008" = dataset("dat.nielweise2008", "IRR", x1i = x1i, t1i = t1i, x2i = x2i,
                            t2i = t2i),
  "pignon2000" = case(dat.pignon2000$OmE / dat.pignon2000$V, 1 / dat.pignon2000$V,
                      "metadat dat.pignon2000, log hazard ratio from O - E and V"),
  "riley2003" = dataset("dat.riley2003"),
  "vanhowe1999" = dataset("dat.vanhowe1999", "OR", ai = cir.pos, bi = cir.neg, ci = non.pos,
                          di = non.neg),
  "viechtbauer2021" = dataset("dat.viechtbauer2021", "OR", ai = xTi, n1i = nTi, ci = xCi,
                              n2i = nCi)
)

known <- jsonlite::fromJSON(file.path(here, "reference.json"), simplifyDataFrame = FALSE)$cases
again <- lapply(known, function(one) case(one$yi, one$vi, one$source))

# --- JSON, every double with the 17 digits that name it -------------------------------------------

as_json <- function(x) {
  if (is.list(x)) {
    items <- vapply(x, as_json, "")
    if (is.null(names(x))) return(paste0("[", paste(items, collapse = ",\n"), "]"))
    return(paste0("{", paste0("\"", names(x), "\": ", items, collapse = ", "), "}"))
  }
  items <- if (is.character(x)) paste0("\"", x, "\"")
    else ifelse(is.finite(x), sprintf("%.17g", x), "null")
  if (length(x) != 1) paste0("[", paste(items, collapse = ", "), "]") else items
}

made_with <- list(R = paste(R.version$major, R.version$minor, sep = "."),
                  metafor = as.character(packageVersion("metafor")),
                  metadat = as.character(packageVersion("metadat")))
writeLines(as_json(list(made_with = made_with, cases = c(again, further))),
           file.path(here, "estimators.json"), useBytes = TRUE)
