using System.ComponentModel.DataAnnotations;
using System.Globalization;

namespace TaskTracker.Api.Caching;

/// <summary>How long answers are kept. Bound to the configuration section <c>Cache</c>.</summary>
internal sealed class CacheOptions : IValidatableObject
{
    public const string SectionName = "Cache";

    /// <summary>The environment variable of the default lifetime, in seconds.</summary>
    public const string DefaultLifetimeVariable = "CACHE_TTL";

    private static readonly TimeSpan Longest = TimeSpan.FromDays(1);

    /// <summary>The lifetime of lists.</summary>
    public TimeSpan Lists { get; set; } = TimeSpan.FromSeconds(300);

    /// <summary>The lifetime of single tasks.</summary>
    public TimeSpan Items { get; set; } = TimeSpan.FromSeconds(300);

    /// <summary>The lifetime of statistics; a deadline that passes ends it sooner.</summary>
    public TimeSpan Statistics { get; set; } = TimeSpan.FromHours(1);

    /// <summary>The lifetime of lists and single tasks that <see cref="DefaultLifetimeVariable"/> gives.</summary>
    public TimeSpan Default { get; private set; } = TimeSpan.FromSeconds(300);

    /// <summary>Takes over the default lifetime, which the section then may refine.</summary>
    /// <exception cref="InvalidOperationException">It is no number of seconds.</exception>
    public void UseDefaultLifetime(string? seconds)
    {
        if (seconds is null)
        {
            return;
        }

        if (!int.TryParse(seconds, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number < 1 || number > Longest.TotalSeconds)
        {
            throw new InvalidOperationException(
                $"{DefaultLifetimeVariable} is '{seconds}': give the cache's lifetime in whole seconds, from 1 to {Longest.TotalSeconds}.");
        }

        Default = Lists = Items = TimeSpan.FromSeconds(number);
    }

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        foreach (var (name, lifetime) in ((string, TimeSpan)[])[(nameof(Lists), Lists), (nameof(Items), Items), (nameof(Statistics), Statistics)])
        {
            if (lifetime <= TimeSpan.Zero || lifetime > Longest)
            {
                yield return new ValidationResult($"{SectionName}:{name} is '{lifetime}': give a duration above zero, one day at most, such as '00:05:00'.", [name]);
            }
        }
    }
}
