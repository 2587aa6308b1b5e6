# What R says of each cohort: Rscript against_r.R COHORTS.csv NUMBERS.csv (see against_r.py).

suppressMessages({library(survival); library(cmprsk)})
files <- commandArgs(trailingOnly = TRUE)
rows <- read.csv(files[1], stringsAsFactors = FALSE)
out <- file(files[2], "w")
put <- function(cohort, number, value) {
  value <- if (is.null(value) || length(value) == 0) NA else value[1]
  cat(sprintf("%d,%s,%s\n", cohort, number, ifelse(is.na(value), "", sprintf("%.12g", value))), file = out)
}
try_quietly <- function(code) suppressWarnings(tryCatch(code, error = function(e) NULL))
error_of <- function(fit) if (is.null(fit)) NA else sqrt(vcov(fit)[1])

for (cohort in unique(rows$cohort)) {
  d <- rows[rows$cohort == cohort, ]
  d$event <- as.integer(d$cause == 1)
  for (arm in sort(unique(d$arm))) {
    a <- d[d$arm == arm, ]
    curve <- survfit(Surv(day, event) ~ 1, a, conf.type = "log-log")
    medians <- summary(curve)$table[c("median", "0.95LCL", "0.95UCL")]
    for (i in 1:3) put(cohort, paste("median", arm, i), medians[i])
    for (i in which(curve$n.event > 0)) {
      put(cohort, paste("Kaplan-Meier", arm, curve$time[i]), curve$surv[i])
      put(cohort, paste("its lower limit", arm, curve$time[i]), curve$lower[i])
      put(cohort, paste("its upper limit", arm, curve$time[i]), curve$upper[i])
    }
    states <- try_quietly(survfit(Surv(day, factor(cause, 0:2)) ~ 1, a))
    put(cohort, paste("cumulative incidence", arm), states$pstate[nrow(states$pstate), which(states$states == "1")])
    put(cohort, paste("its error", arm), states$std.err[nrow(states$pstate), which(states$states == "1")])
  }
  put(cohort, "log-rank", try_quietly(survdiff(Surv(day, event) ~ arm, d))$chisq)
  fit <- try_quietly(coxph(Surv(day, event) ~ x, d))
  put(cohort, "Cox", coef(fit))
  put(cohort, "Cox error", error_of(fit))
  put(cohort, "Cox error by patient", error_of(try_quietly(coxph(Surv(day, event) ~ x, d, cluster = patient))))
  fit <- try_quietly(coxph(Surv(day, event) ~ I(arm == "a"), d))
  put(cohort, "Cox of the arm", coef(fit))
  put(cohort, "Cox of the arm error", error_of(fit))
  tests <- try_quietly(cuminc(d$day, d$cause, d$arm, cencode = 0))$Tests
  put(cohort, "Gray", if ("1" %in% rownames(tests)) tests["1", "stat"])
  # a day later: crr takes those censored on day 0 out of the weights of that very day
  fit <- try_quietly(crr(d$day + 1, d$cause, cbind(x = d$x), gtol = 1e-12, maxiter = 50))
  put(cohort, "Fine-Gray", fit$coef)
  put(cohort, "Fine-Gray error", if (is.null(fit)) NA else sqrt(fit$var[1]))
}
close(out)
