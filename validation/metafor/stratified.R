# Pins what metafor's rma.mh and rma.peto say.  Rscript validation/metafor/stratified.R
#
# Nothing here iterates; what is pinned is arithmetic to 17 digits.

suppressPackageStartupMessages(library(metafor))
stopifnot(packageVersion("metafor") == "3.8.1", packageVersion("metadat") == "1.2.0")

quietly <- function(expression) suppressWarnings(suppressMessages(expression))
one <- function(x) if (is.null(x) || is.na(x)) NA else as.numeric(x)

said <- function(res) {
  list(estimate = as.numeric(res$beta), standard_error = res$se, interval = c(res$ci.lb, res$ci.ub),
       statistic = res$zval, p_value = res$pval, q = res$QE, q_p_value = res$QEp, i2 = res$I2,
       h2 = res$H2, q_degrees_of_freedom = res$k.yi - 1,
       mantel_haenszel_statistic = one(res$MH), mantel_haenszel_p_value = one(res$MHp),
       cochran_statistic = one(res$CO), cochran_p_value = one(res$COp),
       breslow_day_statistic = one(res$BD), breslow_day_p_value = one(res$BDp),
       tarone_statistic = one(res$TA), tarone_p_value = one(res$TAp),
       breslow_day_degrees_of_freedom = if (is.null(res$BD) || is.na(res$BD)) NA else res$k.pos - 1,
       weights = as.numeric(weights(res)))
}

MEASURES <- c("odds ratio" = "OR", "risk ratio" = "RR", "risk difference" = "RD")

# by the package's words: add and to of the tables, add and to of the effects in Q, whether double
# zeros stay among the tables and in Q, and whether the test is corrected
default <- list(add = 0, to = "only0", add_for_q = 0.5, to_for_q = "only0",
                keep_double_zeros = TRUE, keep_double_zeros_for_q = FALSE,
                continuity_correction = TRUE)

mh <- function(a, n1, c, n2, measure, options) {
  o <- modifyList(default, options)
  res <- quietly(rma.mh(measure = MEASURES[[measure]], ai = a, n1i = n1, ci = c, n2i = n2,
                        add = c(o$add_for_q, o$add), to = c(o$to_for_q, o$to),
                        drop00 = c(!o$keep_double_zeros_for_q, !o$keep_double_zeros),
                        correct = o$continuity_correction, level = 95))
  c(list(measure = measure, options = options), said(res))
}

cases <- list()

tables <- function(name, source, a, n1, c, n2, more = list()) {
  known <- !is.na(a + n1 + c + n2)
  a <- a[known]; n1 <- n1[known]; c <- c[known]; n2 <- n2[known]
  fits <- lapply(names(MEASURES), function(m) mh(a, n1, c, n2, m, list()))
  for (options in more) for (m in names(MEASURES)) {
    fits[[length(fits) + 1]] <- mh(a, n1, c, n2, m, options)
  }
  # weights of rma.peto have a row for every table; those without variance weigh nothing
  peto <- quietly(rma.peto(ai = a, n1i = n1, ci = c, n2i = n2))
  peto <- said(peto)
  peto$weights <- ifelse(is.na(peto$weights), 0, peto$weights)
  cases[[name]] <<- list(source = source, kind = "tables", treated_events = a, treated_n = n1,
                         control_events = c, control_n = n2, fits = fits, peto = peto)
}

rates <- function(name, source, x1, t1, x2, t2) {
  fits <- list()
  for (m in c("rate ratio", "rate difference")) for (corrected in c(TRUE, FALSE)) {
    res <- quietly(rma.mh(measure = if (m == "rate ratio") "IRR" else "IRD", x1i = x1, t1i = t1,
                          x2i = x2, t2i = t2, correct = corrected))
    asked <- list(measure = m, options = list(continuity_correction = corrected))
    fits[[length(fits) + 1]] <- c(asked, said(res))
  }
  cases[[name]] <<- list(source = source, kind = "rates", treated_events = x1, treated_time = t1,
                         control_events = x2, control_time = t2, fits = fits)
}

uncorrected <- list(list(continuity_correction = FALSE))
every_option <- c(uncorrected, list(
  list(add = 0.5), list(add = 0.5, to = "all"), list(add = 0.5, to = "if0all"),
  list(add_for_q = 0.5, to_for_q = "all"), list(add_for_q = 0.25, to_for_q = "if0all"),
  list(keep_double_zeros = FALSE), list(keep_double_zeros_for_q = TRUE)))

with(dat.bcg, tables("bcg", "metadat dat.bcg", tpos, tpos + tneg, cpos, cpos + cneg, uncorrected))
with(dat.lee2004, tables("lee2004", "metadat dat.lee2004", ai, n1i, ci, n2i, every_option))
with(dat.nielweise2007, tables("nielweise2007", "metadat dat.nielweise2007", ai, n1i, ci, n2i,
                               every_option))
with(dat.collins1985b, tables("collins1985b", "metadat dat.collins1985b, pre-eclampsia", pre.xti,
                              pre.nti, pre.xci, pre.nci, uncorrected))
with(dat.collins1985b, tables("collins1985b stillbirth", "metadat dat.collins1985b, stillbirth",
                              stb.xti, fup.nti, stb.xci, fup.nci))
with(dat.collins1985a, tables("collins1985a", "metadat dat.collins1985a, deaths", d.xti, nti, d.xci,
                              nci, every_option))
with(dat.hine1989, tables("hine1989", "metadat dat.hine1989", ai, n1i, ci, n2i, uncorrected))
with(dat.li2007, tables("li2007", "metadat dat.li2007", ai, n1i, ci, n2i, uncorrected))
with(dat.egger2001, tables("egger2001", "metadat dat.egger2001", ai, n1i, ci, n2i, uncorrected))
with(dat.graves2010, tables("graves2010", "metadat dat.graves2010", ai, n1i, ci, n2i))
with(dat.hahn2001, tables("hahn2001", "metadat dat.hahn2001", ai, n1i, ci, n2i))
with(dat.lau1992, tables("lau1992", "metadat dat.lau1992", ai, n1i, ci, n2i))
with(dat.laopaiboon2015, tables("laopaiboon2015", "metadat dat.laopaiboon2015", ai, n1i, ci, n2i))
with(dat.damico2009, tables("damico2009", "metadat dat.damico2009", xt, nt, xc, nc))
with(dat.axfors2021, tables("axfors2021", "metadat dat.axfors2021", hcq_arm_event, hcq_arm_total,
                            control_arm_event, control_arm_total, every_option))
with(dat.anand1999, tables("anand1999", "metadat dat.anand1999", ai, n1i, ci, n2i))
with(dat.dorn2007, tables("dorn2007", "metadat dat.dorn2007", x.a, n.a, x.p, n.p))
with(dat.linde2005, tables("linde2005", "metadat dat.linde2005", ai, n1i, ci, n2i))
with(dat.cannon2006, tables("cannon2006", "metadat dat.cannon2006, endpoint 1", ep1t, nt, ep1c, nc))
with(dat.vanhowe1999, tables("vanhowe1999", "metadat dat.vanhowe1999", non.pos, non.pos + non.neg,
                             cir.pos, cir.pos + cir.neg))
for (part in c("6", "9", "10", "11")) with(dat.yusuf1985[dat.yusuf1985$table == part, ],
  tables(paste("yusuf1985 table", part), paste("metadat dat.yusuf1985, table", part), ai, n1i, ci,
         n2i, uncorrected))
with(dat.nielweise2008, rates("nielweise2008", "metadat dat.nielweise2008", x1i, t1i, x2i, t2i))
with(dat.hart1999, rates("hart1999", "metadat dat.hart1999", x1i, t1i, x2i, t2i))

as_json <- function(x) {
  if (is.list(x)) {
    if (length(x) == 0) return("{}")
    items <- vapply(x, as_json, "")
    if (is.null(names(x))) return(paste0("[", paste(items, collapse = ",\n"), "]"))
    return(paste0("{", paste0("\"", names(x), "\": ", items, collapse = ", "), "}"))
  }
  items <- if (is.character(x)) paste0("\"", x, "\"")
    else if (is.logical(x) && !all(is.na(x))) tolower(as.character(x))
    else ifelse(is.finite(x), sprintf("%.17g", x), "null")
  if (length(x) != 1) paste0("[", paste(items, collapse = ", "), "]") else items
}

made_with <- list(R = as.character(getRversion()),
                  metafor = as.character(packageVersion("metafor")),
                  metadat = as.character(packageVersion("metadat")))
here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)))
writeLines(as_json(list(made_with = made_with, cases = cases)),
           file.path(here, "stratified.json"), useBytes = TRUE)
